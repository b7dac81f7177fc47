// SPDX-License-Identifier: Apache-2.0
// Loads tensors of a checkpoint into memory, whole and exactly.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotOutput
import IngotTransforms

/// Loads small arrays whole.
package struct ArrayLoader {
  private let files: SourceFiles
  private let path: String
  private let scratchFolder: String

  package init(_ checkpoint: Checkpoint, work: WorkOptions) {
    files = SourceFiles(checkpoint.files, system: work.system)
    scratchFolder = work.scratchFolder
    path = checkpoint.files.first?.path ?? ""
  }

  /// Bytes of a part in canonical order, converted when asked to.
  package func bytes(_ part: LazyPart) throws(IngotError) -> [UInt8] {
    let tiles = try part.open(files: files, scratchFolder: scratchFolder)
    var bytes: [UInt8] = []
    // The length is backed by the file: raw parts lie inside it, deflated ones have a declared length that decoding
    // checks piece by piece.
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in bytes.append(contentsOf: tile) }
    return bytes
  }

  /// Integers of any width.
  package func integers(_ tensor: TensorDescriptor) throws(IngotError) -> IntegerArray {
    guard let width = tensor.dtype.byteWidth,
      [.signedInteger, .unsignedInteger, .boolean].contains(tensor.dtype.family)
    else {
      throw .unsuitable(
        Location(path, tensor: tensor.name), why: "is \(tensor.dtype), not integers", hint: nil)
    }
    let raw = try bytes(.stored(name: tensor.name, tensor.parts[0]))
    let isSigned = tensor.dtype.family == .signedInteger
    var values: [Int] = []
    values.reserveCapacity(tensor.shape.elementCount)
    for start in stride(from: 0, to: raw.count, by: width) {
      var bits: UInt64 = 0
      for (index, byte) in raw[start..<(start + width)].enumerated() {
        bits |= UInt64(byte) << (8 * UInt64(index))
      }
      let shift = UInt64(64 - 8 * width)
      let value =
        isSigned ? Int(exactly: Int64(bitPattern: bits << shift) >> Int64(shift)) : Int(exactly: bits)
      guard let value else {
        throw .unsuitable(
          Location(path, tensor: tensor.name), why: "holds \(bits), which no id or position is", hint: nil)
      }
      values.append(value)
    }
    return IntegerArray(shape: tensor.shape, values: values)
  }

  /// Reals of any floating dtype, exactly.
  package func reals(_ tensor: TensorDescriptor) throws(IngotError) -> RealArray {
    guard tensor.dtype.isFloating, let stored = tensor.values else {
      throw .unsuitable(
        Location(path, tensor: tensor.name), why: "is \(words: tensor.typeName), not floating point",
        hint: nil)
    }
    return RealArray(shape: tensor.shape, values: try doubles(stored), dtype: tensor.dtype)
  }

  /// Values of any dtype that doubles hold.
  package func doubles(_ part: LazyPart) throws(IngotError) -> [Double] {
    var values: [Double] = []
    try forEachDouble(of: part) { values.append($0) }
    return values
  }

  /// Calls a body with each value of any dtype that doubles hold, in order; a piece of them is in memory at a time.
  func forEachDouble(of part: LazyPart, _ body: (Double) -> Void) throws(IngotError) {
    let tiles = try part.casting(to: .f64, onOverflow: .infinity).open(
      files: files, scratchFolder: scratchFolder)
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
      for value in try Elements(tile, tiles.elementType).doubles() { body(value) }
    }
  }
}
