// SPDX-License-Identifier: Apache-2.0
// Reads the fields of one protobuf message in the order of its bytes. A message within is bytes to it, to be read by
// a reader of its own, so that nothing recurses. Page: formats/containers/protobuf.md.
import IngotBytes
import IngotCore

/// One field of a message.
package struct ProtobufField: Sendable {
  /// What a field holds on the wire.
  package enum Value: Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  /// The field's number.
  package var number: Int
  /// What it holds.
  package var value: Value
  /// The message's place, for messages.
  let location: Location

  /// The value as a number of 64 bits, negative ones by two's complement.
  package func integer() throws(IngotError) -> Int64 {
    guard case .varint(let number) = value else { throw wrongType(expected: "a varint") }
    return Int64(bitPattern: number)
  }

  /// The value as a number of 32 bits in four bytes.
  package func fixed32() throws(IngotError) -> UInt32 {
    guard case .fixed32(let number) = value else { throw wrongType(expected: "four bytes") }
    return number
  }

  /// The value as bytes: text, or a message within.
  package func bytes() throws(IngotError) -> ArraySlice<UInt8> {
    guard case .bytes(let bytes) = value else { throw wrongType(expected: "bytes with their length") }
    return bytes
  }

  /// The message within.
  package func message() throws(IngotError) -> ProtobufReader {
    ProtobufReader(try bytes(), at: location)
  }

  private func wrongType(expected: Evidence) -> IngotError {
    let found: Evidence =
      switch value {
      case .varint: "a varint"
      case .fixed64: "eight bytes"
      case .bytes: "bytes with their length"
      case .fixed32: "four bytes"
      }
    return .malformed(
      ProtobufRule.fieldType.rule, at: location, found: "field \(number): \(found)", expected: expected)
  }
}

/// The fields of one message, in the order of its bytes.
package struct ProtobufReader: Sendable {
  private var cursor: ByteCursor
  private let location: Location
  /// Bit n is set when field n, below 64, was there.
  private var seen: UInt64 = 0
  private let repeatable: Set<Int>

  /// Prepares to read a message.
  ///
  /// - Parameters:
  ///   - bytes: the whole message.
  ///   - location: its place, for messages.
  ///   - repeatable: the fields that may come more than once; those from 64 on always may.
  package init(_ bytes: ArraySlice<UInt8>, at location: Location, repeatable: Set<Int> = []) {
    cursor = ByteCursor(bytes)
    self.location = location
    self.repeatable = repeatable
  }

  /// The same message, with other fields that may come more than once.
  package func repeating(_ fields: Set<Int>) -> ProtobufReader {
    ProtobufReader(rest, at: location, repeatable: fields)
  }

  private var rest: ArraySlice<UInt8> {
    var cursor = cursor
    return cursor.bytes(cursor.remainingCount) ?? []
  }

  /// Reads the next field.
  ///
  /// - Returns: the field; `nil` at the end of the message.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PB-01 to PB-04, and PB-06 for a field that
  ///   is there twice and may not be.
  package mutating func next() throws(IngotError) -> ProtobufField? {
    guard cursor.remainingCount > 0 else { return nil }
    let tag = try varint()
    let number = tag >> 3
    guard (1...0x1FFF_FFFF).contains(number) else {
      throw malformed(.fieldNumber, "field \(number)", "1 to 536870911")
    }
    let value = try value(ofType: tag & 7, field: number)
    try note(Int(number))
    return ProtobufField(number: Int(number), value: value, location: location)
  }

  private mutating func value(
    ofType type: UInt64, field: UInt64
  ) throws(IngotError) -> ProtobufField.Value {
    switch type {
    case 0: return .varint(try varint())
    case 1:
      guard let number = cursor.little(UInt64.self) else { throw cutOff(field, count: 8) }
      return .fixed64(number)
    case 2:
      let count = try varint()
      guard let exact = Int(exactly: count), let bytes = cursor.bytes(exact) else {
        throw cutOff(field, count: count)
      }
      return .bytes(bytes)
    case 5:
      guard let number = cursor.little(UInt32.self) else { throw cutOff(field, count: 4) }
      return .fixed32(number)
    default:
      throw malformed(.wireType, "field \(field) of wire type \(type)", "0, 1, 2 or 5")
    }
  }

  private mutating func varint() throws(IngotError) -> UInt64 {
    guard let number = cursor.varint() else {
      throw malformed(.varint, "no number at byte \(cursor.offset) of the message", "a varint of 64 bits")
    }
    return number
  }

  private mutating func note(_ number: Int) throws(IngotError) {
    guard number < 64, !repeatable.contains(number) else { return }
    guard seen & (1 << UInt64(number)) == 0 else {
      throw malformed(.repeated, "field \(number) twice", "once")
    }
    seen |= 1 << UInt64(number)
  }

  private func cutOff(_ field: UInt64, count: UInt64) -> IngotError {
    malformed(
      .length, "field \(field) of \(count, "byte") with \(cursor.remainingCount) left",
      "a field within its message")
  }

  private func malformed(_ rule: ProtobufRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(rule.rule, at: location, found: found, expected: expected)
  }
}
