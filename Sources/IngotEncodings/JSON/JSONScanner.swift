// SPDX-License-Identifier: Apache-2.0
// A strict JSON reader (RFC 8259) that hands out one token after another: no tree, no silent repair.
// It knows nothing of what the document means; callers turn its failures into their own rules.
import IngotCore

/// What is wrong with a JSON document, and where.
package struct JSONFailure: Error, Hashable, Sendable {
  /// What kind of fault it is; callers map each to a rule of their format.
  package enum Kind: Hashable, Sendable {
    /// The bytes are not JSON.
    case syntax
    /// A string is not UTF-8, or escapes half of a surrogate pair.
    case encoding
    /// Values are nested deeper than the limit.
    case depth
    /// There are more values than the limit.
    case count
    /// A key stands twice in one object.
    case duplicateKey
    /// A value is of another type, or a number out of range.
    case type
  }

  /// What kind of fault it is.
  package var kind: Kind
  /// The byte's offset from the start of the document.
  package var offset: Int
  /// What stands there.
  package var found: Evidence
  /// What should.
  package var expected: Evidence

  /// Makes a failure.
  package init(kind: Kind, offset: Int, found: Evidence, expected: Evidence) {
    self.kind = kind
    self.offset = offset
    self.found = found
    self.expected = expected
  }
}

/// Reads a JSON document token by token.
package struct JSONScanner: Sendable {
  private let bytes: [UInt8]
  private let end: Int
  private var depth = 0
  /// Whether an object or array was entered, and nothing of it is taken yet.
  private var isAtStart = false
  /// The offset of the next byte.
  package private(set) var offset: Int

  /// Makes a scanner over a range of bytes.
  package init(_ bytes: [UInt8], range: Range<Int>? = nil) {
    self.bytes = bytes
    let range = (range ?? 0..<bytes.count).clamped(to: 0..<bytes.count)
    offset = range.lowerBound
    end = range.upperBound
  }

  /// What kind of value comes next.
  package enum ValueKind: Hashable, Sendable {
    case object, array, string, number, bool, null
  }

  // MARK: - Structure

  /// The kind of the next value, which is not taken.
  package mutating func peek() throws(JSONFailure) -> ValueKind {
    switch nextByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-")?, .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    default: throw unexpected("a value")
    }
  }

  /// Enters an object; ``nextKey()`` gives its keys, and leaves it.
  package mutating func enterObject() throws(JSONFailure) { try enter(UInt8(ascii: "{"), "an object") }

  /// The next key of the object that was entered last and is not left yet, with its offset; its value must be taken.
  ///
  /// - Returns: `nil` behind the last one: the object is left.
  package mutating func nextKey() throws(JSONFailure) -> (name: String, offset: Int)? {
    guard try next(before: UInt8(ascii: "}"), "a comma or the object's end") else { return nil }
    skipSpace()
    let keyOffset = offset
    let key = try string()
    guard take(UInt8(ascii: ":")) else { throw unexpected("a colon") }
    return (key, keyOffset)
  }

  /// Enters an array; ``nextElement()`` says whether there is another element, and leaves it.
  package mutating func enterArray() throws(JSONFailure) { try enter(UInt8(ascii: "["), "an array") }

  /// Whether another element follows in the array that was entered last and is not left yet; it must be taken.
  ///
  /// - Returns: `false` behind the last one: the array is left.
  package mutating func nextElement() throws(JSONFailure) -> Bool {
    try next(before: UInt8(ascii: "]"), "a comma or the array's end")
  }

  /// Goes on to another member, behind a comma unless it is the first, or leaves what was entered.
  private mutating func next(
    before bracket: UInt8, _ expected: @autoclosure () -> Evidence
  ) throws(JSONFailure) -> Bool {
    let isFirst = isAtStart
    isAtStart = false
    if isFirst ? !take(bracket) : take(UInt8(ascii: ",")) { return true }
    guard isFirst || take(bracket) else { throw unexpected(expected()) }
    depth -= 1
    return false
  }

  /// Takes any value and drops it.
  package mutating func skipValue() throws(JSONFailure) {
    switch try peek() {
    case .object:
      var keys = Set<ExactName>()
      try enterObject()
      while let key = try nextKey() {
        guard keys.insert(ExactName(key.name)).inserted else { throw duplicate(key.name, at: key.offset) }
        try skipValue()
      }
    case .array:
      try enterArray()
      while try nextElement() { try skipValue() }
    case .string: _ = try string()
    case .number: _ = try number()
    case .bool: _ = try bool()
    case .null: try null()
    }
  }

  /// Throws unless nothing but white space is left.
  package mutating func finish() throws(JSONFailure) {
    skipSpace()
    guard offset == end else { throw unexpected("the document's end") }
  }

  /// The failure that a caller reports for a key it has seen before.
  package func duplicate(_ key: String, at offset: Int) -> JSONFailure {
    JSONFailure(kind: .duplicateKey, offset: offset, found: "the key \(key) again", expected: "each key once")
  }

  private mutating func enter(
    _ bracket: UInt8, _ name: @autoclosure () -> Evidence
  ) throws(JSONFailure) {
    guard take(bracket) else { throw mismatch(name()) }
    isAtStart = true
    depth += 1
    guard depth <= Limit.jsonDepth.value else {
      throw JSONFailure(
        kind: .depth, offset: offset - 1, found: "values nested deeper than \(Limit.jsonDepth.value)",
        expected: "at most that")
    }
  }

  // MARK: - Scalars

  /// Takes a string.
  package mutating func string() throws(JSONFailure) -> String {
    guard take(UInt8(ascii: "\"")) else { throw mismatch("a string") }
    let start = offset
    while offset < end {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        defer { offset += 1 }
        return try text(of: bytes[start..<offset], at: start)
      case UInt8(ascii: "\\"):
        return try escapedString(from: start)
      case 0..<0x20:
        throw unexpected("no control character in a string")
      default:
        offset += 1
      }
    }
    throw unexpected("the string's end")
  }

  /// Takes a number that must be an integer without fraction or exponent, not below zero.
  package mutating func unsigned() throws(JSONFailure) -> UInt64 {
    guard try peek() == .number else { throw mismatch("an integer of at least 0") }
    let start = offset
    let text = try numberText()
    // `-0` is no integer of at least 0 to the safetensors reference, and none here.
    guard !text.hasPrefix("-"), let number = UInt64(text) else {
      throw JSONFailure(
        kind: .type, offset: start, found: .value(text), expected: "an integer from 0 to 2^64 - 1")
    }
    return number
  }

  /// Takes a number as the narrowest of `int64`, `uint64` and `float64` that holds its spelling.
  package mutating func number() throws(JSONFailure) -> MetadataValue {
    guard try peek() == .number else { throw mismatch("a number") }
    let start = offset
    let text = try numberText()
    // Minus zero is no integer, though Swift reads it as one, even as an unsigned one.
    if text != "-0" {
      if let integer = Int64(text) { return .int64(integer) }
      if let integer = UInt64(text) { return .uint64(integer) }
    }
    guard let real = Double(text), real.isFinite else {
      throw JSONFailure(
        kind: .type, offset: start, found: .value(text), expected: "a number within a double's range")
    }
    return .float64(real)
  }

  /// Takes `true` or `false`.
  package mutating func bool() throws(JSONFailure) -> Bool {
    if takeWord("true") { return true }
    if takeWord("false") { return false }
    throw mismatch("true or false")
  }

  /// Takes `null`.
  package mutating func null() throws(JSONFailure) {
    guard takeWord("null") else { throw mismatch("null") }
  }

  private mutating func numberText() throws(JSONFailure) -> String {
    skipSpace()
    let start = offset
    if offset < end, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    let integerStart = offset
    guard takeDigits() else { throw unexpected("a digit") }
    if bytes[integerStart] == UInt8(ascii: "0"), offset - integerStart > 1 {
      throw JSONFailure(
        kind: .syntax, offset: integerStart, found: "a number with a leading zero", expected: "none")
    }
    if offset < end, bytes[offset] == UInt8(ascii: ".") {
      offset += 1
      guard takeDigits() else { throw unexpected("a digit") }
    }
    if offset < end, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < end, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
        offset += 1
      }
      guard takeDigits() else { throw unexpected("a digit") }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func takeDigits() -> Bool {
    let start = offset
    while offset < end, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
    return offset > start
  }

  // MARK: - Strings

  private func text(of slice: ArraySlice<UInt8>, at start: Int) throws(JSONFailure) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw JSONFailure(kind: .encoding, offset: start, found: "bytes that are not UTF-8", expected: "UTF-8")
    }
    return text
  }

  /// The slow path, from the first escape on.
  private mutating func escapedString(from start: Int) throws(JSONFailure) -> String {
    var decoded = Array(bytes[start..<offset])
    while offset < end {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return try text(of: decoded[...], at: start)
      case UInt8(ascii: "\\"): try appendEscape(to: &decoded)
      case 0..<0x20:
        offset -= 1
        throw unexpected("no control character in a string")
      default: decoded.append(byte)
      }
    }
    throw unexpected("the string's end")
  }

  private mutating func appendEscape(to decoded: inout [UInt8]) throws(JSONFailure) {
    guard offset < end else { throw unexpected("an escape") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0C)
    case UInt8(ascii: "n"): decoded.append(0x0A)
    case UInt8(ascii: "r"): decoded.append(0x0D)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "u"): decoded.append(contentsOf: String(Character(try escapedScalar())).utf8)
    default:
      offset -= 1
      throw unexpected("one of the escapes of JSON")
    }
  }

  private mutating func escapedScalar() throws(JSONFailure) -> Unicode.Scalar {
    let start = offset - 2
    let first = try codeUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, offset + 1 < end, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    {
      offset += 2
      let second = try codeUnit()
      let value = 0x10000 + (first - 0xD800) << 10 + (second & 0x3FF)
      if (0xDC00..<0xE000).contains(second), let scalar = Unicode.Scalar(value) { return scalar }
    }
    throw JSONFailure(
      kind: .encoding, offset: start, found: "half of a surrogate pair", expected: "both halves, or neither")
  }

  private mutating func codeUnit() throws(JSONFailure) -> UInt32 {
    guard end - offset >= 4 else { throw unexpected("four hexadecimal digits") }
    var value: UInt32 = 0
    for byte in bytes[offset..<(offset + 4)] {
      guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }

  // MARK: - Bytes

  private mutating func skipSpace() {
    while offset < end {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  private mutating func nextByte() -> UInt8? {
    skipSpace()
    return offset < end ? bytes[offset] : nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard nextByte() == byte else { return false }
    offset += 1
    return true
  }

  private mutating func takeWord(_ word: StaticString) -> Bool {
    skipSpace()
    let count = word.utf8CodeUnitCount
    guard end - offset >= count else { return false }
    let isSame = word.withUTF8Buffer { $0.elementsEqual(bytes[offset..<(offset + count)]) }
    if isSame { offset += count }
    return isSame
  }

  private mutating func isNext(_ word: StaticString) -> Bool {
    let start = offset
    defer { offset = start }
    return takeWord(word)
  }

  private func unexpected(_ expected: Evidence) -> JSONFailure {
    let found: Evidence =
      if offset == end {
        "the end"
      } else if bytes[offset..<end].starts(with: [0xEF, 0xBB, 0xBF]) {
        "a byte order mark"
      } else {
        .value(String(decoding: bytes[offset...offset], as: UTF8.self))
      }
    return JSONFailure(kind: .syntax, offset: offset, found: found, expected: expected)
  }

  /// The failure for a value of another type, or for no value at all.
  private mutating func mismatch(_ expected: Evidence) -> JSONFailure {
    do throws(JSONFailure) {
      let kind = try peek()
      // Words are known by their first letter.
      guard kind != .null || isNext("null"), kind != .bool || isNext("true") || isNext("false") else {
        return unexpected(expected)
      }
      let found: Evidence =
        switch kind {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "true or false"
        case .null: "null"
        }
      return JSONFailure(kind: .type, offset: offset, found: found, expected: expected)
    } catch {
      return error
    }
  }
}
