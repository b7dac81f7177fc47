// SPDX-License-Identifier: Apache-2.0
// Memory with a page in front and one behind that nobody may touch: a byte too far ends the process.
import Glibc

/// A stretch of memory whose first byte follows, or whose last byte precedes, a page without access.
///
/// Its bytes begin as a pattern that is no number of interest; there are as many pages as the bytes need, so one that ends
/// at a page begins anywhere in another.
package final class GuardedMemory {
  /// Where the page without access is that the bytes touch.
  package enum Side: CaseIterable, Sendable {
    case behind, front
  }

  /// The first byte.
  package let start: UnsafeMutableRawPointer
  /// How many there are.
  package let byteCount: Int
  private let pages: UnsafeMutableRawPointer
  private let pagesByteCount: Int
  private static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Maps memory.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes; with none, ``start`` may not be touched at all.
  ///   - side: where the page without access is that they touch.
  package init(byteCount: Int, side: Side = .behind) {
    let page = Self.pageByteCount
    let inner = (byteCount + page - 1) / page * page
    pagesByteCount = inner + 2 * page
    let mapped = mmap(nil, pagesByteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped, mapped != MAP_FAILED else { fatalError("no memory for a guarded buffer") }
    pages = mapped
    self.byteCount = byteCount
    if inner > 0 {
      precondition(mprotect(pages + page, inner, PROT_READ | PROT_WRITE) == 0)
      memset(pages + page, 0x3A, inner)
    }
    start = side == .behind ? pages + page + inner - byteCount : pages + page
  }

  /// Copies elements into memory.
  package convenience init<Element>(_ elements: [Element], side: Side = .behind) {
    self.init(byteCount: elements.count * MemoryLayout<Element>.stride, side: side)
    elements.withUnsafeBytes {
      start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(start), byteCount: $0.count)
    }
  }

  deinit { munmap(pages, pagesByteCount) }

  /// Takes the right to write away: an input is only read.
  package func freeze() -> Self {
    let inner = pagesByteCount - 2 * Self.pageByteCount
    if inner > 0 { precondition(mprotect(pages + Self.pageByteCount, inner, PROT_READ) == 0) }
    return self
  }

  /// The bytes as elements of a type; it need not be aligned for it.
  package func of<Element>(_: Element.Type) -> UnsafeMutablePointer<Element> {
    start.assumingMemoryBound(to: Element.self)
  }

  /// The bytes.
  package var bytes: [UInt8] { [UInt8](UnsafeRawBufferPointer(start: start, count: byteCount)) }
}
