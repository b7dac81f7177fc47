// SPDX-License-Identifier: Apache-2.0
// Memory that kernels work in: aligned to a cache line, freed with its owner.
import CIngotKernels

/// Owned memory, aligned to 64 bytes.
///
/// SAFETY: sharing one between threads is up to its users, as with any buffer: the class guards its lifetime only.
package final class AlignedBuffer: @unchecked Sendable {
  /// The start of the memory; valid as long as this object lives.
  package let start: UnsafeMutableRawPointer
  /// Bytes of the memory.
  package let byteCount: Int

  /// Allocates memory, filled with zeros.
  package convenience init(byteCount: Int) {
    self.init(uninitializedByteCount: byteCount)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: self.byteCount)
  }

  /// Allocates memory that holds anything: for what is written before it is read.
  package init(uninitializedByteCount byteCount: Int) {
    self.byteCount = max(byteCount, 64)
    guard let start = ingot_memory_allocate(self.byteCount) else {
      preconditionFailure("no memory for bytes: \(self.byteCount)")
    }
    self.start = start
  }

  /// Allocates memory for elements, filled with zeros.
  package convenience init<Element: BitwiseCopyable>(_ type: Element.Type, count: Int) {
    self.init(byteCount: count * MemoryLayout<Element>.stride)
  }

  deinit { ingot_memory_free(start, byteCount) }

  /// The start of the memory, as elements of a type.
  package func pointer<Element: BitwiseCopyable>(as type: Element.Type) -> UnsafeMutablePointer<Element> {
    start.bindMemory(to: type, capacity: byteCount / MemoryLayout<Element>.stride)
  }
}
