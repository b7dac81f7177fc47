// SPDX-License-Identifier: Apache-2.0
// The numbers of a tensor: all of them, some rows, or row by row.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotOutput
import IngotTransforms

extension Checkpoint {
  /// The numbers of a tensor, in C order.
  ///
  /// Floating-point elements are rounded once to a floating type that is narrower; of blocks, and of values with scales,
  /// the numbers that they stand for are given. Integers are given as any type that holds each of them exactly.
  ///
  /// - Parameters:
  ///   - name: the tensor's name.
  ///   - type: the type of the numbers.
  ///   - rows: indexes of the first dimension; `nil` for all. Other rows are not read where they lie apart.
  ///   - work: how the work is done.
  /// - Returns: as many numbers as the tensor, or the rows, have elements.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` for a name that is not there;
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for elements that are no such numbers;
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for rows that are not there; read errors.
  public func values<Number: TensorNumber>(
    of name: String, as type: Number.Type = Number.self, rows: Range<Int>? = nil,
    work: WorkOptions = WorkOptions()
  ) throws(IngotError) -> [Number] {
    var numbers: [Number] = []
    try forEachTile(of: name, as: type, rows: rows, work: work) { numbers += $0 }
    return numbers
  }

  /// Gives the numbers of a tensor row by row, in memory for one row and a tile of 1 MiB.
  ///
  /// - Parameters:
  ///   - name: the tensor's name; a row is what one index of its first dimension holds.
  ///   - type: the type of the numbers.
  ///   - work: how the work is done.
  ///   - body: takes a row's index and its numbers.
  /// - Throws: as ``values(of:as:rows:work:)`` does, and the errors of `body`.
  public func forEachRow<Number: TensorNumber>(
    of name: String, as type: Number.Type = Number.self, work: WorkOptions = WorkOptions(),
    _ body: (_ row: Int, _ numbers: [Number]) throws(IngotError) -> Void
  ) throws(IngotError) {
    let rowCount = try tensor(name).shape.rowElementCount
    var (row, pending) = (0, [Number]())
    try forEachTile(of: name, as: type, rows: nil, work: work) { (numbers) throws(IngotError) in
      var rest = numbers[...]
      while !rest.isEmpty {
        let piece = rest.prefix(rowCount - pending.count)
        pending += piece
        rest = rest.dropFirst(piece.count)
        guard pending.count == rowCount else { break }
        try body(row, pending)
        row += 1
        pending.removeAll(keepingCapacity: true)
      }
    }
  }

  /// The numbers of a tensor row by row, for a body that throws errors of its own.
  ///
  /// - Parameters:
  ///   - name: the tensor's name.
  ///   - type: the type of the numbers.
  ///   - work: how the work is done.
  ///   - body: takes a row's index and its numbers.
  /// - Throws: as the other function does, and what `body` throws, which ends it.
  @_disfavoredOverload
  public func forEachRow<Number: TensorNumber>(
    of name: String, as type: Number.Type = Number.self, work: WorkOptions = WorkOptions(),
    _ body: (_ row: Int, _ numbers: [Number]) throws -> Void
  ) throws {
    var failure: (any Error)?
    do {
      try forEachRow(of: name, as: type, work: work) { (row, numbers) throws(IngotError) in
        do { try body(row, numbers) } catch {
          failure = error
          throw .interrupted
        }
      }
    } catch { throw failure ?? error }
  }

  /// The canonical bytes of a tensor: little-endian, in C order; whole blocks where there are blocks, and of a quantized
  /// one its values, then scales and zero points.
  ///
  /// - Parameters:
  ///   - name: the tensor's name.
  ///   - work: how the work is done.
  /// - Returns: as many bytes as ``IngotCore/TensorDescriptor/byteCount`` says.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` for a name that is not there; read errors.
  public func bytes(of name: String, work: WorkOptions = WorkOptions()) throws(IngotError) -> [UInt8] {
    let tensor = try tensor(name)
    let sources = SourceFiles(files, system: work.system)
    var bytes: [UInt8] = []
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: name, part).open(
        files: sources, scratchFolder: work.scratchFolder)
      try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in bytes += tile }
    }
    try sources.checkUnchanged()
    return bytes
  }

  /// The tensor of a name, letter by letter.
  private func tensor(_ name: String) throws(IngotError) -> TensorDescriptor {
    if let tensor = tensors.first(where: { ExactName($0.name) == ExactName(name) }) { return tensor }
    throw .missing(
      path: files.first?.path ?? format, why: "has no tensor \(name)",
      hint: NearestText.match(name, among: tensors.lazy.map(\.name)).map { "it has \($0)" })
  }

  private func forEachTile<Number: TensorNumber>(
    of name: String, as type: Number.Type, rows: Range<Int>?, work: WorkOptions,
    _ body: ([Number]) throws(IngotError) -> Void
  ) throws(IngotError) {
    let tensor = try tensor(name)
    guard var part = tensor.values else { throw tensor.notDequantized(to: type.tensorDType) }
    if let rows {
      guard let count = tensor.shape.dimensions.first, rows.lowerBound >= 0, rows.upperBound <= count else {
        throw .unsuitable(
          Location(files.first?.path ?? format, tensor: name),
          why: "has the shape \(tensor.shape), and no rows from \(rows.lowerBound) up to \(rows.upperBound)",
          hint: nil)
      }
      part = part.slice(rows)
    }
    if part.dtype.isFloating, type.tensorDType.isFloating {
      part = part.casting(to: type.tensorDType, onOverflow: .refuse)
    }
    let sources = SourceFiles(files, system: work.system)
    let tiles = try part.open(files: sources, scratchFolder: work.scratchFolder)
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
      guard let numbers = Elements(tile, tiles.elementType).exactNumbers(as: type) else {
        throw .unrepresentable(
          tensor: name, target: type.tensorDType.rawValue,
          why: "its elements are \(part.dtype), and not all of them are such numbers", hint: nil)
      }
      try body(numbers)
    }
    try sources.checkUnchanged()
  }
}
