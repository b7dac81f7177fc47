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
      let location = Location(path, offset: headerByteCount + entry.range.lowerBound, tensor: entry.name)
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
  /// A broken rule found inside a JSON callback, which can throw JSON failures only.
  private var failure: IngotError?

  init(path: String) {
    self.path = path
  }

  mutating func parse(_ bytes: [UInt8]) throws(IngotError) {
    var scanner = JSONScanner(bytes, range: 8..<bytes.count)
    do throws(JSONFailure) {
      try scanner.object { (scanner, key, keyOffset) throws(JSONFailure) in
        if key == SafetensorsHeader.metadataKey {
          try takeMetadata(&scanner)
          return
        }
        guard names.insert(ExactName(key)).inserted else { throw scanner.duplicate(key, at: keyOffset) }
        try takeEntry(&scanner, name: key)
      }
      try scanner.finish()
    } catch {
      if let failure { throw failure }
      throw IngotError(error, rule: SafetensorsRule(error.kind).rule, at: Location(path))
    }
  }

  private mutating func takeMetadata(_ scanner: inout JSONScanner) throws(JSONFailure) {
    var keys = Set<ExactName>()
    let start = scanner.offset
    do throws(JSONFailure) {
      guard metadata.isEmpty, !names.contains(ExactName(SafetensorsHeader.metadataKey)) else {
        throw scanner.duplicate(SafetensorsHeader.metadataKey, at: start)
      }
      names.insert(ExactName(SafetensorsHeader.metadataKey))
      if try scanner.peek() == .null { return try scanner.null() }
      try scanner.object { (scanner, key, keyOffset) throws(JSONFailure) in
        guard keys.insert(ExactName(key)).inserted else { throw scanner.duplicate(key, at: keyOffset) }
        metadata.append(Metadata.Entry(key: key, value: .string(try scanner.string())))
        try check(.safetensorsMetadataEntries, metadata.count, at: Location(path, offset: keyOffset))
      }
    } catch {
      guard error.kind == .type else { throw error }
      throw fail(
        .malformed(
          SafetensorsRule.metadata.rule,
          at: Location(path, offset: error.offset, key: SafetensorsHeader.metadataKey),
          found: error.found, expected: "strings by name"))
    }
  }

  private mutating func takeEntry(_ scanner: inout JSONScanner, name: String) throws(JSONFailure) {
    let start = scanner.offset
    var dtype: DType?
    var shape: Shape?
    var range: Range<Int>?
    var keys = Set<ExactName>()
    do throws(JSONFailure) {
      try scanner.object { (scanner, key, keyOffset) throws(JSONFailure) in
        guard keys.insert(ExactName(key)).inserted else { throw scanner.duplicate(key, at: keyOffset) }
        switch key {
        case "dtype": dtype = try takeDType(&scanner, name: name)
        case "shape": shape = try takeShape(&scanner, name: name)
        case "data_offsets": range = try takeOffsets(&scanner, name: name)
        default: try scanner.skipValue()
        }
      }
    } catch {
      guard failure == nil, error.kind == .type else { throw error }
      throw fail(
        .malformed(
          SafetensorsRule.entry.rule, at: Location(path, offset: error.offset, tensor: name),
          found: error.found,
          expected: error.expected))
    }
    guard let dtype, let shape, let range else {
      let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw fail(
        .malformed(
          SafetensorsRule.entry.rule, at: Location(path, offset: start, tensor: name),
          found: "no \(words: missing)", expected: "dtype, shape and data_offsets"))
    }
    guard shape.byteCount(of: dtype) == range.count else {
      throw fail(
        .malformed(
          SafetensorsRule.byteCount.rule, at: Location(path, offset: start, tensor: name),
          found: "\(range.count, "byte")", expected: Self.expectedByteCount(dtype, shape)))
    }
    entries.append(SafetensorsHeader.Entry(name: name, dtype: dtype, shape: shape, range: range))
  }

  private static func expectedByteCount(_ dtype: DType, _ shape: Shape) -> Evidence {
    guard let count = shape.byteCount(of: dtype) else {
      return "whole bytes, which \(shape) of \(dtype) does not fill"
    }
    return "\(count) for \(shape) of \(dtype)"
  }

  private mutating func takeDType(_ scanner: inout JSONScanner, name: String) throws(JSONFailure) -> DType {
    let offset = scanner.offset
    let spelling = try scanner.string()
    guard let dtype = DType(rawValue: spelling), dtype != .c128 else {
      throw fail(
        .malformed(
          SafetensorsRule.dtype.rule, at: Location(path, offset: offset, tensor: name),
          found: .value(spelling),
          expected: "a dtype of formats/safetensors.md"))
    }
    return dtype
  }

  private mutating func takeShape(_ scanner: inout JSONScanner, name: String) throws(JSONFailure) -> Shape {
    let offset = scanner.offset
    var dimensions: [UInt64] = []
    do throws(JSONFailure) {
      try scanner.array { (scanner) throws(JSONFailure) in
        dimensions.append(try scanner.unsigned())
        try check(.safetensorsRank, dimensions.count, at: Location(path, offset: offset, tensor: name))
      }
    } catch {
      guard error.kind == .type else { throw error }
      throw fail(
        .malformed(
          SafetensorsRule.shape.rule, at: Location(path, offset: error.offset, tensor: name),
          found: error.found,
          expected: error.expected))
    }
    guard let shape = Shape(dimensions) else {
      throw fail(
        .malformed(
          SafetensorsRule.shape.rule, at: Location(path, offset: offset, tensor: name),
          found: "more than 2^63 - 1 elements", expected: "fewer"))
    }
    return shapes.shared(shape)
  }

  private mutating func takeOffsets(
    _ scanner: inout JSONScanner, name: String
  ) throws(JSONFailure) -> Range<Int> {
    let offset = scanner.offset
    var bounds: [UInt64] = []
    do throws(JSONFailure) {
      try scanner.array { (scanner) throws(JSONFailure) in
        let bound = try scanner.unsigned()
        // A third is enough to know that there are too many.
        if bounds.count < 3 { bounds.append(bound) }
      }
    } catch {
      guard error.kind == .type else { throw error }
      throw fail(
        .malformed(
          SafetensorsRule.offsets.rule, at: Location(path, offset: error.offset, tensor: name),
          found: error.found, expected: error.expected))
    }
    guard bounds.count == 2, let begin = Int(exactly: bounds[0]), let end = Int(exactly: bounds[1]),
      begin <= end
    else {
      let spelling = bounds.map(String.init).joined(separator: ", ")
      throw fail(
        .malformed(
          SafetensorsRule.offsets.rule, at: Location(path, offset: offset, tensor: name),
          found: "[\(words: spelling)]", expected: "a start and an end that is not before it"))
    }
    return begin..<end
  }

  /// Throws when a count that the header itself makes is over a limit.
  private mutating func check(_ limit: Limit, _ count: Int, at location: Location) throws(JSONFailure) {
    guard UInt64(count) > limit.value else { return }
    throw fail(.limitExceeded(limit, at: location, asked: UInt64(count)))
  }

  /// Keeps an error for ``parse(_:)`` to throw, and gives a JSON failure to leave the scanner with.
  private mutating func fail(_ error: IngotError) -> JSONFailure {
    failure = error
    return JSONFailure(kind: .syntax, offset: 0, found: "", expected: "")
  }
}
