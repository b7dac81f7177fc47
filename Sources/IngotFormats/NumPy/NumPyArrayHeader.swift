// SPDX-License-Identifier: Apache-2.0
// The header of a .npy array: a Python dict literal, parsed by a bounded scanner of its own, and written as NumPy
// writes it. No input or output. Page: formats/numpy.md; numpy/numpy: numpy/lib/_format_impl.py.
import IngotBytes
import IngotCore

/// The rules of NumPy arrays; their meaning stands on `formats/numpy.md`.
package enum NumPyRule: String, FormatRule {
  case magic = "NP-01"
  case version = "NP-02"
  case headerInFile = "NP-03"
  case literal = "NP-04"
  case keys = "NP-05"
  case descr = "NP-06"
  case order = "NP-07"
  case shape = "NP-08"
  case shortData = "NP-09"
  case trailingData = "NP-10"
  case memberName = "NP-11"
  case hiddenMember = "NP-12"
  case uniqueArray = "NP-13"
}

/// A parsed header.
struct NumPyArrayHeader {
  /// NumPy's name of the element type, as written.
  var descr: String
  /// The element type, parsed.
  var dtype: NumPyDType
  /// Whether the first dimension is the fastest.
  var isFortranOrder: Bool
  /// The dimensions.
  var shape: Shape
  /// Bytes from the array's start to its data.
  var byteCount: Int

  /// Bytes that tell how long the header is.
  static let prefixByteCount = 12
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads the fixed part: NP-01 to NP-03.
  ///
  /// - Parameters:
  ///   - prefix: the first bytes of the array, ``prefixByteCount`` of them or all there are.
  ///   - available: bytes of the array and its header.
  ///   - location: where the array starts.
  /// - Returns: bytes from the array's start to the literal and to the data, and the major version.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first of the rules that is broken.
  static func extent(
    of prefix: [UInt8], available: Int, at location: Location
  ) throws(IngotError) -> (literal: Int, data: Int, version: UInt8) {
    func malformed(_ rule: NumPyRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: location, found: found, expected: expected)
    }
    var cursor = ByteCursor(prefix)
    guard let magic = cursor.bytes(6), magic.elementsEqual(Self.magic) else {
      throw malformed(.magic, "no magic bytes", "93 4E 55 4D 50 59")
    }
    guard let major = cursor.little(UInt8.self), let minor = cursor.little(UInt8.self) else {
      throw malformed(.version, "the end", "a version")
    }
    guard (1...3).contains(major), minor == 0 else {
      throw malformed(.version, "version \(major).\(minor)", "1.0, 2.0 or 3.0")
    }
    let length = major == 1 ? cursor.little(UInt16.self).map(UInt32.init) : cursor.little(UInt32.self)
    guard let length, Int(length) <= available - cursor.offset else {
      throw malformed(
        .headerInFile, length.map { "a header of \($0, "byte")" } ?? "no length",
        "one inside \(available, "byte")")
    }
    guard UInt64(length) <= Limit.numpyHeaderBytes.value else {
      throw .limitExceeded(.numpyHeaderBytes, at: location, asked: UInt64(length))
    }
    return (cursor.offset, cursor.offset + Int(length), major)
  }

  /// Parses the literal: NP-04 to NP-08.
  ///
  /// - Parameters:
  ///   - bytes: the literal.
  ///   - version: the major version.
  ///   - dataOffset: bytes from the array's start to its data.
  ///   - location: where the array starts.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first of the rules that is broken.
  init(
    _ bytes: [UInt8], version: UInt8, dataOffset: Int, at location: Location
  ) throws(IngotError) {
    func malformed(_ rule: NumPyRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(rule.rule, at: location, found: found, expected: expected)
    }
    // Python 2 wrote long integers with an L, and version 3.0 came later.
    var parser = PythonLiteralParser(bytes, allowsLong: version < 3)
    guard case .dictionary(let entries)? = parser.parse() else {
      throw malformed(.literal, "no Python dict literal, at byte \(parser.offset) of the header", "one")
    }
    let keys = entries.map(\.key).sorted()
    guard keys == ["descr", "fortran_order", "shape"] else {
      throw malformed(
        .keys, "the keys \(keys.joined(separator: ", "))", "descr, fortran_order and shape, once each")
    }
    var values: [String: PythonLiteral] = [:]
    for entry in entries { values[entry.key] = entry.value }
    (descr, dtype) = try Self.dtype(values["descr"], at: location)
    guard case .boolean(let isFortranOrder)? = values["fortran_order"] else {
      throw malformed(.order, "a fortran_order of another type", "True or False")
    }
    self.isFortranOrder = isFortranOrder
    shape = try Self.shape(values["shape"], at: location)
    byteCount = dataOffset
  }

  private static func dtype(
    _ literal: PythonLiteral?, at location: Location
  ) throws(IngotError) -> (String, NumPyDType) {
    switch literal {
    case .string(let descr)?:
      if let dtype = NumPyDType(descr) { return (descr, dtype) }
      let code = descr.first { !"<>=|".contains($0) }
      switch code {
      case "O": throw .unsupported("an array of Python objects, whose data is a pickle", at: location)
      case "S", "U", "a", "M", "m":
        throw .unsupported("an array of \(descr): text and times are not tensors", at: location)
      case "f" where ["f12", "f16"].contains { descr.hasSuffix($0) },
        "c" where ["c24", "c32"].contains { descr.hasSuffix($0) }:
        throw .unsupported(
          "an array of \(descr): numbers of this width differ from machine to machine", at: location)
      default:
        throw .malformed(
          NumPyRule.descr.rule, at: location, found: .value(descr), expected: "a type of numbers")
      }
    case .sequence?: throw .unsupported("a structured array", at: location)
    default:
      throw .malformed(
        NumPyRule.descr.rule, at: location, found: "a descr of another type", expected: "a string")
    }
  }

  private static func shape(_ literal: PythonLiteral?, at location: Location) throws(IngotError) -> Shape {
    func malformed(_ found: Evidence) -> IngotError {
      .malformed(
        NumPyRule.shape.rule, at: location, found: found,
        expected: "a tuple of integers whose product fits 63 bits")
    }
    guard case .sequence(let items, isTuple: true)? = literal else {
      throw malformed("a shape of another type")
    }
    var dimensions: [UInt64] = []
    for item in items {
      guard case .integer(let value) = item else { throw malformed("a dimension of another type") }
      dimensions.append(value)
    }
    guard UInt64(dimensions.count) <= Limit.numpyRank.value else {
      throw .limitExceeded(.numpyRank, at: location, asked: UInt64(dimensions.count))
    }
    guard let shape = Shape(dimensions) else { throw malformed("more elements than that") }
    return shape
  }

  /// The header of an array in C order, as NumPy writes it: the data behind it starts at a multiple of 64.
  static func bytes(descr: String, shape: Shape) -> [UInt8] {
    var literal: [UInt8] = []
    literal.reserveCapacity(128)
    literal += "{'descr': '".utf8
    literal += descr.utf8
    literal += "', 'fortran_order': False, 'shape': (".utf8
    for (position, count) in shape.dimensions.enumerated() {
      if position > 0 { literal += ", ".utf8 }
      literal += String(count).utf8
    }
    literal += (shape.rank == 1 ? ",), }" : "), }").utf8
    func padded(_ start: [UInt8], lengthByteCount: Int) -> [UInt8] {
      let prefixByteCount = start.count + lengthByteCount
      let space = 63 - (prefixByteCount + literal.count) % 64
      var bytes = start
      bytes.reserveCapacity(prefixByteCount + literal.count + space + 1)
      let length = literal.count + space + 1
      for shift in 0..<lengthByteCount { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * shift))) }
      bytes += literal
      bytes += repeatElement(UInt8(ascii: " "), count: space)
      bytes.append(UInt8(ascii: "\n"))
      return bytes
    }
    let short = padded(magic + [1, 0], lengthByteCount: 2)
    return short.count - 10 <= Int(UInt16.max) ? short : padded(magic + [2, 0], lengthByteCount: 4)
  }
}

/// The literals that headers are made of.
private enum PythonLiteral {
  case string(String)
  case integer(UInt64)
  case boolean(Bool)
  case sequence([PythonLiteral], isTuple: Bool)
  case dictionary([(key: String, value: PythonLiteral)])
}

/// Parses the few Python literals that headers are made of, with a limit on their depth.
private struct PythonLiteralParser {
  private let bytes: [UInt8]
  private let allowsLong: Bool
  private(set) var offset = 0
  /// A dict, a tuple, and a structured descr's lists in lists.
  private static let depthLimit = 8

  init(_ bytes: [UInt8], allowsLong: Bool) {
    self.bytes = bytes
    self.allowsLong = allowsLong
  }

  /// The literal that the bytes are, with nothing but white space behind it; `nil` when they are none.
  mutating func parse() -> PythonLiteral? {
    let value = value(depth: 0)
    skipSpace()
    return offset == bytes.count ? value : nil
  }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func value(depth: Int) -> PythonLiteral? {
    guard depth < Self.depthLimit else { return nil }
    if take("{") { return dictionary(depth: depth) }
    if take("(") { return sequence(until: ")", depth: depth) }
    if take("[") { return sequence(until: "]", depth: depth) }
    if let text = string() { return .string(text) }
    let word = word()
    if word == "True" { return .boolean(true) }
    if word == "False" { return .boolean(false) }
    return integer(allowsLong && word.hasSuffix("L") ? String(word.dropLast()) : word)
  }

  /// A decimal number; Python 3 takes none with zeros before it but zero itself.
  private func integer(_ digits: String) -> PythonLiteral? {
    guard let value = UInt64(digits), digits.utf8.first != UInt8(ascii: "0") || value == 0 else { return nil }
    return .integer(value)
  }

  private mutating func dictionary(depth: Int) -> PythonLiteral? {
    var entries: [(key: String, value: PythonLiteral)] = []
    while !take("}") {
      guard let key = string(), take(":"), let value = value(depth: depth + 1) else { return nil }
      entries.append((key, value))
      if !take(",") {
        guard take("}") else { return nil }
        break
      }
    }
    return .dictionary(entries)
  }

  private mutating func sequence(until end: Unicode.Scalar, depth: Int) -> PythonLiteral? {
    var items: [PythonLiteral] = []
    var commaCount = 0
    while !take(end) {
      guard let item = value(depth: depth + 1) else { return nil }
      items.append(item)
      guard take(",") else {
        guard take(end) else { return nil }
        break
      }
      commaCount += 1
    }
    // `(3)` is a number in brackets, not a tuple.
    if end == ")", items.count == 1, commaCount == 0 { return items[0] }
    return .sequence(items, isTuple: end == ")")
  }

  private mutating func string() -> String? {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "'") || bytes[offset] == UInt8(ascii: "\"")
    else {
      return nil
    }
    let quote = bytes[offset]
    guard let end = bytes[(offset + 1)...].firstIndex(of: quote) else { return nil }
    let text = bytes[(offset + 1)..<end]
    guard !text.contains(UInt8(ascii: "\\")), let string = String(validating: text, as: UTF8.self) else {
      return nil
    }
    offset = end + 1
    return string
  }

  private mutating func word() -> String {
    skipSpace()
    let start = offset
    while offset < bytes.count,
      Character(Unicode.Scalar(bytes[offset])).isLetter || (0x30...0x39).contains(bytes[offset])
    {
      offset += 1
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }
}
