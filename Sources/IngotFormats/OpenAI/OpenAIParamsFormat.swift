// SPDX-License-Identifier: Apache-2.0
// Reads OpenAI's release of GPT-1: ten flat arrays that are one when they are joined, and the shapes of the tensors that
// it is cut into. Page: formats/openai-params.md.
import IngotBytes
import IngotCore

/// The format of OpenAI's release of GPT-1.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct OpenAIParamsFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "openai-params"
  package let title = "OpenAI parameters"
  package let fileExtensions: [String] = []
  package let fileName: String? = OpenAIParamsFileName.shapes
  package let page = "openai-params.md"
  package var writer: (any CheckpointWriter)? { OpenAIParamsWriter() }

  package func owns(fileName name: String) -> Bool { OpenAIParamsFileName.all.contains(name) }

  /// A list of lists of numbers may be anything: the name tells.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool { false }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let index = try OpenAIParamsIndex(source)
    let arrays = try OpenAIParamsArrays(beside: source)
    guard index.elementCount == arrays.elementCount else {
      throw .malformed(
        OpenAIParamsRule.elementCount.rule, at: Location(source.path),
        found: "shapes of \(index.elementCount, "number")",
        expected: "the \(arrays.elementCount) that the arrays hold")
    }
    var offset = 0
    var tensors: [TensorDescriptor] = []
    for (name, shape) in zip(index.names, index.shapes) {
      var storage = TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: 0))
      storage.segments = arrays.segments(from: offset, count: shape.elementCount)
      tensors.append(TensorDescriptor(name: name, dtype: .f32, shape: shape, storage: storage))
      offset += shape.elementCount
    }
    let (shapes, names) = index.files
    return Checkpoint(
      format: id, files: [shapes] + arrays.files + [names].compactMap(\.self), tensors: tensors,
      indexByteCount: shapes.byteCount + (names?.byteCount ?? 0) + arrays.headerByteCount)
  }
}

/// Names of the release's files.
enum OpenAIParamsFileName {
  static let shapes = "params_shapes.json"
  static let names = "parameters_names.json"
  /// The arrays, which are ten in train.py.
  static let arrays = (0..<10).map { "params_\($0).npy" }

  static let all = arrays + [shapes, names]
}

/// The arrays, in their order.
private struct OpenAIParamsArrays {
  /// One array's numbers.
  private struct Piece {
    let elements: Range<Int>
    let segment: StorageSegment
  }

  private(set) var files: [CheckpointFile] = []
  private(set) var headerByteCount = 0
  /// Numbers in all of them.
  private(set) var elementCount = 0
  private var pieces: [Piece] = []

  /// Reads their headers: OP-05.
  init(beside source: any ByteSource) throws(IngotError) {
    for name in OpenAIParamsFileName.arrays {
      let file = try source.sibling(named: name)
      if let refusal = ForeignContent.standIn(try FormatRegistry.firstBytes(of: file), path: file.path) {
        throw refusal
      }
      let array = try NumPyArrayFormat().read(file, options: ReadOptions())
      guard let tensor = array.tensors.first, tensor.dtype == .f32, tensor.shape.rank == 1,
        tensor.storage.byteOrder == .little, case .one(var segment) = tensor.storage.segments
      else {
        let found = array.tensors.first.map { tensor -> Evidence in
          "\(tensor.storage.byteOrder == .big ? "big-endian " : "")\(words: tensor.dtype.rawValue) of \(tensor.shape)"
        }
        throw .malformed(
          OpenAIParamsRule.array.rule, at: Location(file.path), found: found ?? "no array",
          expected: "little-endian F32 of one dimension")
      }
      // File 0 is that of the shapes.
      segment.file = files.count + 1
      guard let end = elementCount.checkedAdd(tensor.shape.elementCount) else {
        throw .malformed(
          OpenAIParamsRule.elementCount.rule, at: Location(file.path),
          found: "more numbers than can be counted",
          expected: "fewer than 2^63")
      }
      pieces.append(Piece(elements: elementCount..<end, segment: segment))
      elementCount = end
      files += array.files
      headerByteCount += array.indexByteCount
    }
  }

  /// Where some of the numbers are, counted through all arrays.
  ///
  /// - Parameters:
  ///   - start: the first.
  ///   - count: how many; as many are there.
  /// - Returns: the places in their order.
  func segments(from start: Int, count: Int) -> TensorStorage.Segments {
    let wanted = start..<(start + count)
    let segments = pieces.compactMap { piece -> StorageSegment? in
      let part = piece.elements.clamped(to: wanted)
      guard !part.isEmpty else { return nil }
      return StorageSegment(
        file: piece.segment.file,
        offset: piece.segment.offset + 4 * (part.lowerBound - piece.elements.lowerBound),
        byteCount: 4 * part.count)
    }
    guard segments.count > 1 else {
      return .one(segments.first ?? StorageSegment(file: 0, offset: 0, byteCount: 0))
    }
    return .many(segments)
  }
}
