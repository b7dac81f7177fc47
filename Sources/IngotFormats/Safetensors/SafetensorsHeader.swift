// SPDX-License-Identifier: Apache-2.0
// Parses and checks a safetensors header: bytes in, validated entries out; no input or output.
// Page: formats/safetensors.md.
import IngotCore
import IngotEncodings

/// A header whose every rule holds.
package struct SafetensorsHeader: Sendable {
  /// A tensor's entry.
  package struct Entry: Sendable {
    /// The tensor's name.
    package var name: String
    /// Its element type.
    package var dtype: DType
    /// Its dimensions.
    package var shape: Shape
    /// Its bytes, from the start of the data buffer.
    package var range: Range<Int>
  }

  /// The entries by data offset; 0-byte ones at the same offset in the header's order.
  package var entries: [Entry]
  /// The `__metadata__` strings.
  package var metadata: Metadata

  /// The reference's own key for metadata.
  static let metadataKey = "__metadata__"

  /// Parses the JSON of a header and checks it against the length of the data buffer.
  ///
  /// - Parameters:
  ///   - bytes: the file's bytes from 0 to the header's end, the length field included.
  ///   - dataByteCount: bytes behind the header.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken.
  package init(_ bytes: [UInt8], dataByteCount: Int, path: String) throws(IngotError) {
    var parser = SafetensorsHeaderParser(path: path)
    try parser.parse(bytes)
    entries = parser.entries
    metadata = Metadata(parser.metadata)
    let order = entries.indices.sorted { left, right in
      let (a, b) = (entries[left].range, entries[right].range)
      return (a.lowerBound, a.upperBound, left) < (b.lowerBound, b.upperBound, right)
    }
    try Self.checkCoverage(
      entries, order, dataByteCount: dataByteCount, headerByteCount: bytes.count, path: path)
    if !order.elementsEqual(entries.indices) { entries = order.map { entries[$0] } }
  }

  /// Checks that the entries, in order, cover the data buffer exactly: ST-07, ST-15 and ST-16.
  private static func checkCoverage(
    _ entries: [Entry], _ order: [Int], dataByteCount: Int, headerByteCount: Int, path: String
  ) throws(IngotError) {
    var end = 0
    var previous: String?
    func uncovered(_ count: Int) -> IngotError {
      .malformed(
        SafetensorsRule.coverage.rule, at: Location(path, offset: headerByteCount + end, tensor: previous),
        found: "\(count, "byte") that no tensor covers", expected: "0")
    }
    for index in order {
      let entry = entries[index]
      // Not made for an entry that is right: a header has a million of them.
      var location: Location {
        Location(path, offset: headerByteCount + entry.range.lowerBound, tensor: entry.name)
      }
      if entry.range.lowerBound < end {
        let found: Evidence =
          entry.range.isEmpty
          ? "no bytes inside \(previous ?? "")"
          : "\(end - entry.range.lowerBound, "byte") shared with \(previous ?? "")"
        throw .malformed(
          SafetensorsRule.overlap.rule, at: location, found: found, expected: "a place of its own")
      }
      if entry.range.lowerBound > end, entry.range.lowerBound <= dataByteCount {
        throw uncovered(entry.range.lowerBound - end)
      }
      if entry.range.upperBound > dataByteCount {
        throw .malformed(
          SafetensorsRule.dataEnd.rule, at: location,
          found: "data up to byte \(entry.range.upperBound) of a buffer of \(dataByteCount, "byte")",
          expected: "at most \(dataByteCount)")
      }
      end = entry.range.upperBound
      previous = entry.name
    }
    if end < dataByteCount { throw uncovered(dataByteCount - end) }
  }
}

/// The state of parsing one header.
private struct SafetensorsHeaderParser {
  let path: String
  var entries: [SafetensorsHeader.Entry] = []
  var metadata: [Metadata.Entry] = []
  private var names = Set<ExactName>()
  private var shapes = SharedShapes()

  init(path: String) {
    self.path = path
  }

  mutating func parse(_ bytes: [UInt8]) throws(IngotError) {
    var scanner = JSONScanner(bytes, range: 8..<bytes.count)
    try json { () throws(JSONFailure) in try scanner.enterObject() }
    while let key = try json({ () throws(JSONFailure) in try scanner.nextKey() }) {
      if key.name == SafetensorsHeader.metadataKey {
        try takeMetadata(&scanner)
      } else if names.insert(ExactName(key.name)).inserted {
        try takeEntry(&scanner, name: key.name)
      } else {
        throw fault(scanner.duplicate(key.name, at: key.offset))
      }
    }
    try json { () throws(JSONFailure) in try scanner.finish() }
  }

  /// What a failure of JSON means in a header; where values are of another type, what a part of it should be.
  private func fault(
    _ failure: JSONFailure, as rule: SafetensorsRule? = nil, tensor: String? = nil, key: String? = nil,
    expected: Evidence? = nil
  ) -> IngotError {
    guard let rule, failure.kind == .type else {
      return IngotError(failure, rule: SafetensorsRule(failure.kind).rule, at: Location(path))
    }
    return .malformed(
      rule.rule, at: Location(path, offset: failure.offset, tensor: tensor, key: key), found: failure.found,
      expected: expected ?? failure.expected)
  }

  /// Scans, and says what a failure means.
  ///
  /// Inlined, since headers have a million values: what a failure needs is then made for none that is right.
  @inline(__always)
  private func json<Value>(
    as rule: SafetensorsRule? = nil, tensor: String? = nil, key: String? = nil, expected: Evidence? = nil,
    _ scan: () throws(JSONFailure) -> Value
  ) throws(IngotError) -> Value {
    do throws(JSONFailure) {
      return try scan()
    } catch {
      throw fault(error, as: rule, tensor: tensor, key: key, expected: expected)
    }
  }

  private mutating func takeMetadata(_ scanner: inout JSONScanner) throws(IngotError) {
    let own = SafetensorsHeader.metadataKey
    var keys = Set<ExactName>()
    guard metadata.isEmpty, names.insert(ExactName(own)).inserted else {
      throw fault(scanner.duplicate(own, at: scanner.offset))
    }
    func strings<Value>(_ scan: () throws(JSONFailure) -> Value) throws(IngotError) -> Value {
      try json(as: .metadata, key: own, expected: "strings by name", scan)
    }
    let isNull = try strings { () throws(JSONFailure) in try scanner.peek() == .null }
    if isNull { return try strings { () throws(JSONFailure) in try scanner.null() } }
    try strings { () throws(JSONFailure) in try scanner.enterObject() }
    while let key = try strings({ () throws(JSONFailure) in try scanner.nextKey() }) {
      guard keys.insert(ExactName(key.name)).inserted else {
        throw fault(scanner.duplicate(key.name, at: key.offset))
      }
      let value = try strings { () throws(JSONFailure) in try scanner.string() }
      metadata.append(Metadata.Entry(key: key.name, value: .string(value)))
      try check(.safetensorsMetadataEntries, metadata.count, at: Location(path, offset: key.offset))
    }
  }

  private mutating func takeEntry(_ scanner: inout JSONScanner, name: String) throws(IngotError) {
    let start = scanner.offset
    var dtype: DType?
    var shape: Shape?
    var range: Range<Int>?
    var keys = Set<ExactName>()
    try json(as: .entry, tensor: name) { () throws(JSONFailure) in try scanner.enterObject() }
    while let key = try json(as: .entry, tensor: name, { () throws(JSONFailure) in try scanner.nextKey() }) {
      guard keys.insert(ExactName(key.name)).inserted else {
        throw fault(scanner.duplicate(key.name, at: key.offset))
      }
      switch key.name {
      case "dtype": dtype = try takeDType(&scanner, name: name)
      case "shape": shape = try takeShape(&scanner, name: name)
      case "data_offsets": range = try takeOffsets(&scanner, name: name)
      default: try json(as: .entry, tensor: name) { () throws(JSONFailure) in try scanner.skipValue() }
      }
    }
    guard let dtype, let shape, let range else {
      let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw .malformed(
        SafetensorsRule.entry.rule, at: Location(path, offset: start, tensor: name),
        found: "no \(words: missing)", expected: "dtype, shape and data_offsets")
    }
    guard shape.byteCount(of: dtype) == range.count else {
      throw .malformed(
        SafetensorsRule.byteCount.rule, at: Location(path, offset: start, tensor: name),
        found: "\(range.count, "byte")", expected: Self.expectedByteCount(dtype, shape))
    }
    entries.append(SafetensorsHeader.Entry(name: name, dtype: dtype, shape: shape, range: range))
  }

  private static func expectedByteCount(_ dtype: DType, _ shape: Shape) -> Evidence {
    guard let count = shape.byteCount(of: dtype) else {
      return "whole bytes, which \(shape) of \(dtype) does not fill"
    }
    return "\(count) for \(shape) of \(dtype)"
  }

  private func takeDType(_ scanner: inout JSONScanner, name: String) throws(IngotError) -> DType {
    let offset = scanner.offset
    let spelling = try json(as: .entry, tensor: name) { () throws(JSONFailure) in try scanner.string() }
    guard let dtype = DType(rawValue: spelling), dtype != .c128 else {
      throw .malformed(
        SafetensorsRule.dtype.rule, at: Location(path, offset: offset, tensor: name), found: .value(spelling),
        expected: "a dtype of safetensors")
    }
    return dtype
  }

  private mutating func takeShape(_ scanner: inout JSONScanner, name: String) throws(IngotError) -> Shape {
    let offset = scanner.offset
    var dimensions: [UInt64] = []
    try json(as: .shape, tensor: name) { () throws(JSONFailure) in try scanner.enterArray() }
    while let dimension = try element(&scanner, as: .shape, of: name) {
      dimensions.append(dimension)
      try check(.safetensorsRank, dimensions.count, at: Location(path, offset: offset, tensor: name))
    }
    guard let shape = Shape(dimensions) else {
      throw .malformed(
        SafetensorsRule.shape.rule, at: Location(path, offset: offset, tensor: name),
        found: "more than 2^63 - 1 elements", expected: "fewer")
    }
    return shapes.shared(shape)
  }

  private func takeOffsets(_ scanner: inout JSONScanner, name: String) throws(IngotError) -> Range<Int> {
    let offset = scanner.offset
    var bounds: [UInt64] = []
    try json(as: .offsets, tensor: name) { () throws(JSONFailure) in try scanner.enterArray() }
    while let bound = try element(&scanner, as: .offsets, of: name) {
      // A third is enough to know that there are too many.
      if bounds.count < 3 { bounds.append(bound) }
    }
    guard bounds.count == 2, let begin = Int(exactly: bounds[0]), let end = Int(exactly: bounds[1]),
      begin <= end
    else {
      let spelling = bounds.map(String.init).joined(separator: ", ")
      throw .malformed(
        SafetensorsRule.offsets.rule, at: Location(path, offset: offset, tensor: name),
        found: "[\(words: spelling)]", expected: "a start and an end that is not before it")
    }
    return begin..<end
  }

  /// The next number of an array; `nil` behind the last.
  @inline(__always)
  private func element(
    _ scanner: inout JSONScanner, as rule: SafetensorsRule, of name: String
  ) throws(IngotError) -> UInt64? {
    try json(as: rule, tensor: name) { () throws(JSONFailure) in
      try scanner.nextElement() ? try scanner.unsigned() : nil
    }
  }

  /// Throws when a count that the header itself makes is over a limit.
  private func check(_ limit: Limit, _ count: Int, at location: Location) throws(IngotError) {
    guard UInt64(count) > limit.value else { return }
    throw .limitExceeded(limit, at: location, asked: UInt64(count))
  }
}
