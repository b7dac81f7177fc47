// SPDX-License-Identifier: Apache-2.0
// One array in a .npy file. Page: formats/numpy.md.
import IngotBytes
import IngotCore

/// The .npy format.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct NumPyArrayFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "npy"
  package let title = "NumPy array"
  package let fileExtensions = ["npy"]
  package let page = "numpy.md"
  package let keepsNames = false
  package var writer: (any CheckpointWriter)? { NumPyArrayWriter() }

  /// The magic bytes of an array.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    firstBytes.starts(with: NumPyArrayHeader.magic)
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let location = Location(source.path, offset: 0)
    let prefix = try source.bytes(at: 0, count: min(NumPyArrayHeader.prefixByteCount, source.byteCount))
    let extent = try NumPyArrayHeader.extent(of: prefix, available: source.byteCount, at: location)
    let header = try NumPyArrayHeader(
      source.bytes(at: extent.literal, count: extent.data - extent.literal), version: extent.version,
      dataOffset: extent.data, at: location)
    let name = PathText.shown(FilePath.stem(of: source.path))
    let dtype = try header.elementType(name: name, options: options, at: location)
    let byteCount = try header.dataByteCount(dtype, available: source.byteCount - extent.data, at: location)
    let tensor = TensorDescriptor(
      name: name, dtype: dtype, shape: header.shape,
      storage: TensorStorage(
        StorageSegment(file: 0, offset: extent.data, byteCount: byteCount), byteOrder: header.dtype.byteOrder,
        layout: header.layout))
    return Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)], tensors: [tensor],
      indexByteCount: extent.data)
  }
}

extension NumPyArrayHeader {
  /// The element type; of raw bytes, the one that the caller names.
  func elementType(name: String, options: ReadOptions, at location: Location) throws(IngotError) -> DType {
    switch dtype.kind {
    case .known(let dtype): return dtype
    case .raw(let byteCount):
      guard let named = options.rawDTypes.last(where: { $0.pattern.matches(name) })?.dtype,
        named.byteWidth == byteCount
      else {
        let bytes: Evidence = "an array of \(descr), raw bytes without a meaning"
        guard let likely = dtype.likely else { throw .unsupported(bytes, at: location) }
        throw .unsupported("\(bytes); \(remedy: .nameDType(likely))", at: location)
      }
      return named
    case .text: throw .unsupported("an array of \(descr): text and times are not tensors", at: location)
    }
  }

  /// The order of elements; one dimension has but one.
  var layout: ElementLayout { isFortranOrder && shape.rank > 1 ? .columnMajor : .rowMajor }

  /// Bytes of the data, held against what there is: NP-09 and NP-10.
  func dataByteCount(_ dtype: DType, available: Int, at location: Location) throws(IngotError) -> Int {
    try checked(shape.byteCount(of: dtype), "\(dtype)", available: available, at: location)
  }

  /// Holds the data of text against what there is, though nobody reads it: NP-09 and NP-10.
  func checkText(byteCount: Int, available: Int, at location: Location) throws(IngotError) {
    let count = shape.elementCount.checkedMultiply(byteCount)
    _ = try checked(count, "\(descr)", available: available, at: location)
  }

  private func checked(
    _ count: Int?, _ type: Evidence, available: Int, at location: Location
  ) throws(IngotError) -> Int {
    var location = location
    location.offset = (location.offset ?? 0) + byteCount
    guard let count, count <= available else {
      throw .malformed(
        NumPyRule.shortData.rule, at: location, found: "\(available, "byte") of data",
        expected: "\(shape) of \(type)")
    }
    guard count == available else {
      throw .malformed(
        NumPyRule.trailingData.rule, at: location, found: "\(available - count, "byte") behind the array",
        expected: "none")
    }
    return count
  }
}
