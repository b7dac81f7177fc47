// SPDX-License-Identifier: Apache-2.0
// Memory that kernels work in: aligned to a cache line, freed with its owner.

/// Owned memory, aligned to 64 bytes.
///
/// SAFETY: sharing one between threads is up to its users, as with any buffer: the class guards its lifetime only.
public final class AlignedBuffer: @unchecked Sendable {
  /// The start of the memory; valid as long as this object lives.
  public let start: UnsafeMutableRawPointer
  /// Bytes of the memory.
  public let byteCount: Int

  /// Allocates memory, filled with zeros.
  public init(byteCount: Int) {
    self.byteCount = max(byteCount, 64)
    start = .allocate(byteCount: self.byteCount, alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: self.byteCount)
  }

  /// Allocates memory that holds anything: for what is written before it is read.
  public init(uninitializedByteCount byteCount: Int) {
    self.byteCount = max(byteCount, 64)
    start = .allocate(byteCount: self.byteCount, alignment: 64)
  }

  /// Allocates memory for elements, filled with zeros.
  public convenience init<Element: BitwiseCopyable>(_ type: Element.Type, count: Int) {
    self.init(byteCount: count * MemoryLayout<Element>.stride)
  }

  deinit { start.deallocate() }

  /// The start of the memory, as elements of a type.
  public func pointer<Element: BitwiseCopyable>(as type: Element.Type) -> UnsafeMutablePointer<Element> {
    start.bindMemory(to: type, capacity: byteCount / MemoryLayout<Element>.stride)
  }
}
