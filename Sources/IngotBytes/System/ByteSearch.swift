// SPDX-License-Identifier: Apache-2.0
// The place of a byte, by the C library, whose loop is the processor's fastest.
import Glibc

extension UnsafeRawBufferPointer {
  /// Where a byte stands next.
  ///
  /// - Parameters:
  ///   - byte: the byte.
  ///   - start: where to begin.
  /// - Returns: its index; `nil` when it does not come.
  package func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    guard start < count, let base = baseAddress else { return nil }
    // SAFETY: the bytes from `start` on are the buffer's.
    return memchr(base + start, Int32(byte), count - start).map { UnsafeRawPointer($0) - base }
  }
}
