// SPDX-License-Identifier: Apache-2.0
// The instructions that put numbers, texts and bytes on the stack of a ``PickleMachine``.
import IngotCore

extension PickleMachine {
  mutating func number(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .binInt: try push(heap.integer(Int64(try input.little(Int32.self))))
    case .binInt1: try push(heap.integer(Int64(try input.byte())))
    case .binInt2: try push(heap.integer(Int64(try input.little(UInt16.self))))
    case .binFloat: try push(heap.real(Double(bitPattern: try input.little(UInt64.self).byteSwapped)))
    case .long1: try pushInteger(byteCount: Int(try input.byte()))
    case .long4:
      try pushInteger(byteCount: Int(try input.little(Int32.self)))
    case .float:
      let line = try input.line()
      guard let value = PickleLiteral.real(line) else { throw badNumber(line) }
      try push(heap.real(value))
    default: try decimal(opcode)
    }
  }

  /// An integer in two's complement.
  private mutating func pushInteger(byteCount: Int) throws(IngotError) {
    let limit = PickleLiteral.integerByteLimit
    guard (0...limit).contains(byteCount) else {
      throw malformed(.number, "an integer of \(byteCount, "byte")", "0 to \(limit)")
    }
    try push(heap.integer(PickleLiteral.integer(littleEndian: input.bytes(byteCount))))
  }

  /// An integer as a line of digits; of `INT` the lines `00` and `01` are truth values.
  private mutating func decimal(_ opcode: PickleOpcode) throws(IngotError) {
    var line = try input.line()
    if opcode == .int, line.count == 2, line[0] == UInt8(ascii: "0"), line[1] & ~1 == UInt8(ascii: "0") {
      return try push(heap.boolean(line[1] == UInt8(ascii: "1")))
    }
    if opcode == .long, line.last == UInt8(ascii: "L") { line.removeLast() }
    guard let value = PickleLiteral.integer(decimal: line) else { throw badNumber(line) }
    try push(heap.integer(value))
  }

  private func badNumber(_ line: [UInt8]) -> IngotError {
    malformed(.number, .value(String(decoding: line.prefix(100), as: UTF8.self)), "a number")
  }

  mutating func text(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .string:
      let line = try input.line()
      guard let bytes = PickleLiteral.bytes(quoted: line) else {
        throw malformed(.text, "a string without quotes, or with broken escapes", "a Python literal")
      }
      try push(heap.text(python2: bytes))
    case .unicode:
      guard let text = PickleLiteral.text(rawEscaped: try input.line()) else {
        throw malformed(.text, "a surrogate or a broken escape", "text")
      }
      try push(heap.text(text))
    case .binString:
      let count = Int(try input.little(Int32.self))
      guard count >= 0 else { throw malformed(.text, "a string of \(count, "byte")", "some, or none") }
      try push(heap.text(python2: input.bytes(count)))
    case .shortBinString: try push(heap.text(python2: input.bytes(Int(try input.byte()))))
    case .binUnicode: try pushText(byteCount: Int(try input.little(UInt32.self)))
    case .shortBinUnicode: try pushText(byteCount: Int(try input.byte()))
    case .binUnicode8: try pushText(byteCount: input.length64())
    case .binBytes: try push(heap.bytes(input.bytes(Int(try input.little(UInt32.self)))))
    case .shortBinBytes: try push(heap.bytes(input.bytes(Int(try input.byte()))))
    default: try push(heap.bytes(input.bytes(input.length64())))
    }
  }

  private mutating func pushText(byteCount: Int) throws(IngotError) {
    guard let text = String(validating: try input.bytes(byteCount), as: UTF8.self) else {
      throw malformed(.text, "bytes that are not UTF-8", "text")
    }
    try push(heap.text(text))
  }
}
