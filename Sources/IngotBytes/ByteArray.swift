// SPDX-License-Identifier: Apache-2.0
// The bytes of an array, of numbers too, as a buffer, for work whose errors keep their type.
import IngotCore

extension Array where Element: BitwiseCopyable {
  /// Lends the bytes.
  ///
  /// - Parameter body: takes them; they are valid in this call only.
  /// - Throws: what `body` throws.
  package func withBytes(_ body: (UnsafeRawBufferPointer) throws(IngotError) -> Void) throws(IngotError) {
    try withUnsafeBufferPointer { (bytes) throws(IngotError) in try body(UnsafeRawBufferPointer(bytes)) }
  }

  /// Lends the bytes to be written.
  ///
  /// - Parameter body: takes them; they are valid in this call only.
  /// - Throws: what `body` throws.
  package mutating func withMutableBytes(
    _ body: (UnsafeMutableRawBufferPointer) throws(IngotError) -> Void
  ) throws(IngotError) {
    try withUnsafeMutableBufferPointer { (bytes) throws(IngotError) in
      try body(UnsafeMutableRawBufferPointer(bytes))
    }
  }
}
