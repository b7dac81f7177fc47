// SPDX-License-Identifier: Apache-2.0
// Writes protobuf messages as proto3's own serializer does: fields by number, defaults left out.
// Page: formats/containers/protobuf.md.
import IngotBytes

/// A message being written; fields are put in the order of their numbers.
package struct ProtobufWriter: Sendable {
  /// The message so far.
  package private(set) var bytes: [UInt8] = []

  /// Starts a message.
  package init() {}

  /// Puts a number; 0, the default, is left out.
  package mutating func put(_ number: Int, integer value: Int64) {
    guard value != 0 else { return }
    putTag(number, type: 0)
    bytes.appendVarint(UInt64(bitPattern: value))
  }

  /// Puts a number as four bytes; 0, the default, is left out.
  package mutating func put(_ number: Int, fixed32 value: UInt32) {
    guard value != 0 else { return }
    putTag(number, type: 5)
    bytes.appendLittle(value)
  }

  /// Puts a message within, an empty one too: that it is there says something.
  package mutating func put(_ number: Int, message: ProtobufWriter) {
    putTag(number, type: 2)
    bytes.appendVarint(UInt64(message.bytes.count))
    bytes += message.bytes
  }

  private mutating func putTag(_ number: Int, type: UInt64) {
    bytes.appendVarint(UInt64(number) << 3 | type)
  }
}
