// SPDX-License-Identifier: Apache-2.0
// What stands in CTranslate2's files beside the numbers of tensors: a version, the name of a specification, and before each
// variable's bytes its name, shape and type. There is no index: the file is walked from one to the next. Page:
// formats/ctranslate2.md.
import IngotBytes
import IngotCore

/// A variable of a CTranslate2 file.
struct CTranslate2Variable: Hashable, Sendable {
  /// Its name: `decoder/layer_0/ffn/linear_0/weight`.
  let name: String
  /// Its element type.
  let dtype: DType
  /// Its shape.
  let shape: Shape
  /// Where its bytes are.
  let segment: StorageSegment
  /// Its value where it is one number of a type that metadata have; `nil` for others.
  let number: MetadataValue?
}

/// The description of a CTranslate2 file, checked against the file's length.
struct CTranslate2Header: Sendable {
  /// The versions that are read: older ones do not say elements' types, and newer ones there are none.
  static let versions: ClosedRange<UInt32> = 4...6
  /// Element types by their number in a file.
  static let dtypes: [DType] = [.f32, .i8, .i16, .i32, .f16, .bf16]
  /// What the name of a quantized variable's scales ends in, behind its own.
  static let scaleEnd = "_scale"

  /// The version of the file's layout.
  let version: UInt32
  /// The name of the specification, which says what variables there are.
  let specification: String
  /// The specification's revision.
  let revision: UInt32
  /// The variables, in the file's order.
  private(set) var variables: [CTranslate2Variable] = []
  /// Other names of variables, with those.
  private(set) var aliases: [(name: String, target: String)] = []
  /// Bytes that are not those of tensors.
  let headerByteCount: Int

  /// Whether a file is one of CTranslate2's: CT-01.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    var cursor = ByteCursor(bytes)
    // Versions before 2 have no name to know them by.
    guard let version = cursor.little(UInt32.self), (2...255).contains(version),
      let count = cursor.little(UInt16.self), count > 1, let name = cursor.bytes(Int(count))
    else { return false }
    return name.last == 0 && name.dropLast().allSatisfy { (0x21...0x7E).contains($0) }
  }

  /// Walks over a file: CT-01 to CT-09.
  ///
  /// - Parameter source: the file.
  /// - Throws: the rule that is broken; ``IngotCore/IngotError/unsupported(_:at:)`` for a version that is not read;
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for descriptions that are too long; read errors.
  init(_ source: any ByteSource) throws(IngotError) {
    var cursor = CTranslate2Cursor(source)
    let start = try source.bytes(at: 0, count: min(FormatRegistry.firstByteCount, source.byteCount))
    guard Self.recognizes(start) else {
      throw cursor.malformed(
        .mark, "a file of \(source.byteCount, "byte") that begins otherwise",
        "a version and the name of a specification")
    }
    version = try cursor.number(UInt32.self)
    guard Self.versions.contains(version) else {
      throw .unsupported(
        "CTranslate2 file version \(version); \(Self.versions.lowerBound) to \(Self.versions.upperBound) are read",
        at: Location(source.path, offset: 0))
    }
    specification = try cursor.text()
    revision = try cursor.number(UInt32.self)
    var names: [ExactName: Int] = [:]
    for index in 0..<(try cursor.count(itemByteCount: 10)) {
      let variable = try Self.variable(&cursor)
      guard names.updateValue(index, forKey: ExactName(variable.name)) == nil else {
        throw cursor.malformed(.uniqueNames, "a second variable of this name", "one")
      }
      variables.append(variable)
      cursor.tensor = nil
    }
    for _ in 0..<(try cursor.count(itemByteCount: 8)) {
      let name = try cursor.text()
      cursor.tensor = name
      let target = try cursor.text()
      guard names.updateValue(0, forKey: ExactName(name)) == nil else {
        throw cursor.malformed(
          .uniqueNames, "another name that is a variable's, or there already", "a new one")
      }
      aliases.append((name, target))
      cursor.tensor = nil
    }
    let known = Set(variables.map { ExactName($0.name) })
    if let alias = aliases.first(where: { !known.contains(ExactName($0.target)) }) {
      cursor.tensor = alias.name
      throw cursor.malformed(
        .aliasTarget, "another name of \(alias.target)", "that of a variable of the file")
    }
    guard cursor.remainingCount == 0 else {
      throw cursor.malformed(.end, "\(cursor.remainingCount, "byte") behind the last name", "none")
    }
    headerByteCount = cursor.headerByteCount
  }

  /// Takes one variable: CT-02, CT-03, CT-05 and CT-06.
  private static func variable(_ cursor: inout CTranslate2Cursor) throws(IngotError) -> CTranslate2Variable {
    let name = try cursor.text()
    cursor.tensor = name
    let rank = Int(try cursor.number(UInt8.self))
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(Int(try cursor.number(UInt32.self))) }
    let place = cursor.offset
    let id = Int(try cursor.number(UInt8.self))
    guard dtypes.indices.contains(id) else {
      throw cursor.malformed(.elementType, at: place, "type \(id)", "0 to \(dtypes.count - 1)")
    }
    let dtype = dtypes[id]
    let lengthPlace = cursor.offset
    let byteCount = Int(try cursor.number(UInt32.self))
    guard let shape = Shape(dimensions), shape.byteCount(of: dtype) == byteCount else {
      let count = Shape(dimensions)?.byteCount(of: dtype)
      throw cursor.malformed(
        .byteCount, at: lengthPlace, "\(byteCount, "byte")",
        count.map { "\($0) for \(words: "\(dimensions)") elements of \(dtype)" }
          ?? "a shape whose bytes fit 63 bits")
    }
    let segment = StorageSegment(file: 0, offset: cursor.offset, byteCount: byteCount)
    let number = rank == 0 ? try cursor.metadataNumber(dtype) : nil
    if number == nil { try cursor.skip(byteCount) }
    return CTranslate2Variable(name: name, dtype: dtype, shape: shape, segment: segment, number: number)
  }
}

/// Takes the fields of a file one after the other, through a window, past the bytes of tensors.
private struct CTranslate2Cursor {
  /// Bytes read at a time: those of a tensor come behind a few hundred.
  private static let windowByteCount = 4096

  private let source: any ByteSource
  private var window: [UInt8] = []
  private var windowStart = 0
  /// Where the next field stands in the file.
  private(set) var offset = 0
  /// Bytes of all fields so far.
  private(set) var headerByteCount = 0
  /// The variable whose fields come, for messages.
  var tensor: String?

  init(_ source: any ByteSource) { self.source = source }

  /// Bytes between the cursor and the file's end.
  var remainingCount: Int { source.byteCount - offset }

  func malformed(
    _ rule: CTranslate2Rule, at offset: Int? = nil, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(
      rule.rule, at: Location(source.path, offset: offset ?? self.offset, tensor: tensor), found: found,
      expected: expected)
  }

  /// Takes bytes as they are: CT-02.
  mutating func bytes(_ count: Int) throws(IngotError) -> ArraySlice<UInt8> {
    try requireRoom(for: count)
    headerByteCount += count
    guard UInt64(headerByteCount) <= Limit.ctranslate2HeaderBytes.value else {
      throw .limitExceeded(
        .ctranslate2HeaderBytes, at: Location(source.path, offset: offset), asked: UInt64(headerByteCount))
    }
    let end = offset + count
    if offset < windowStart || end > windowStart + window.count {
      windowStart = offset
      window = try source.bytes(at: offset, count: max(count, min(Self.windowByteCount, remainingCount)))
    }
    defer { offset = end }
    return window[(offset - windowStart)..<(end - windowStart)]
  }

  /// Passes over bytes of a tensor: CT-02.
  mutating func skip(_ count: Int) throws(IngotError) {
    try requireRoom(for: count)
    offset += count
  }

  private func requireRoom(for count: Int) throws(IngotError) {
    guard count <= remainingCount else {
      throw malformed(.inFile, "a field of \(count, "byte"), \(remainingCount) before the end", "all of it")
    }
  }

  /// Takes a number.
  mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(IngotError) -> Number {
    let raw = try bytes(MemoryLayout<Number>.size)
    return Number(littleEndian: raw.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
  }

  /// Takes the number of items that follow, of at least `itemByteCount` bytes each: CT-04.
  mutating func count(itemByteCount: Int) throws(IngotError) -> Int {
    let start = offset
    let count = Int(try number(UInt32.self))
    guard count <= remainingCount / itemByteCount else {
      throw malformed(
        .count, at: start, "\(count, "item") with \(remainingCount, "byte") left",
        "at most \(remainingCount / itemByteCount)")
    }
    return count
  }

  /// Takes a name and the zero byte behind it: CT-03.
  mutating func text() throws(IngotError) -> String {
    let start = offset
    let count = Int(try number(UInt16.self))
    guard count > 1 else { throw malformed(.text, at: start, "a name of \(count, "byte")", "at least 2") }
    let raw = try bytes(count)
    guard raw.last == 0, !raw.dropLast().contains(0),
      let text = String(validating: raw.dropLast(), as: UTF8.self)
    else {
      throw malformed(.text, at: start, "a name of other bytes", "UTF-8, with a zero byte at its end alone")
    }
    return text
  }

  /// Takes one element of a tensor as a number of metadata; `nil`, and nothing taken, for types that metadata lack.
  mutating func metadataNumber(_ dtype: DType) throws(IngotError) -> MetadataValue? {
    switch dtype {
    case .f32: .float32(Float(bitPattern: try number(UInt32.self)))
    case .i8: .int8(try number(Int8.self))
    case .i16: .int16(try number(Int16.self))
    case .i32: .int32(try number(Int32.self))
    default: nil
    }
  }
}
