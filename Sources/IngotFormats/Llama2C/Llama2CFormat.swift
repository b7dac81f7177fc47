// SPDX-License-Identifier: Apache-2.0
// Reads llama2.c's model files: a header of numbers, then tensors without names. What its numbers and names mean to a
// model is the dialect's. Page: formats/llama2c.md.
import IngotBytes
import IngotCore

/// llama2.c's model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Llama2CFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "llama2c"
  package let title = "llama2.c"
  package let fileExtensions = ["bin"]
  package let page = "llama2c.md"
  package var writer: (any CheckpointWriter)? { Llama2CWriter() }

  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    Llama2CHeader.recognizes(firstBytes, byteCount: byteCount)
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let bytes = try source.bytes(at: 0, count: min(Llama2CHeader.byteCount, source.byteCount))
    let header = try Llama2CHeader(bytes, byteCount: source.byteCount, path: source.path)
    var tensors: [TensorDescriptor] = []
    var offset = header.dataOffset
    for tensor in header.version.tensors(header.dimensions, isTied: header.isTied) ?? [] {
      if case .int8(let groupSize) = header.version, tensor.isMatrix {
        tensors.append(Self.quantized(tensor, at: offset, groupSize: groupSize, header.dimensions))
      } else {
        let count = tensor.shape.byteCount(of: .f32) ?? 0
        let segment = StorageSegment(file: 0, offset: offset, byteCount: count)
        tensors.append(
          TensorDescriptor(
            name: tensor.name, dtype: .f32, shape: tensor.shape, storage: TensorStorage(segment)))
      }
      offset += header.version.byteCount(of: tensor) ?? 0
    }
    return Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)], tensors: tensors,
      metadata: Llama2CMetadata.metadata(of: header),
      findings: HeaderNumbers.unknown(header.unknownBytes, "byte"),
      indexByteCount: header.dataOffset)
  }

  /// A matrix of version 2, or those of all blocks: for each, values, and behind them their scales.
  private static func quantized(
    _ tensor: Llama2CTensor, at start: Int, groupSize: Int, _ dimensions: Llama2CDimensions
  ) -> TensorDescriptor {
    let pieceCount = tensor.isStacked ? dimensions.blockCount : 1
    let valueCount = tensor.shape.elementCount / pieceCount
    let scaleByteCount = valueCount / groupSize * 4
    var (values, scales): ([StorageSegment], [StorageSegment]) = ([], [])
    var offset = start
    for _ in 0..<pieceCount {
      values.append(StorageSegment(file: 0, offset: offset, byteCount: valueCount))
      scales.append(StorageSegment(file: 0, offset: offset + valueCount, byteCount: scaleByteCount))
      offset += valueCount + scaleByteCount
    }
    var descriptor = TensorDescriptor(
      name: tensor.name, dtype: .i8, shape: tensor.shape, storage: TensorStorage(values))
    let scheme = Quantization(granularity: .perRun(groupSize))
    let shape = scheme.scaleShape(of: tensor.shape) ?? .scalar
    descriptor.quantize(
      scheme,
      [StoredPart(PartType(kind: .scales, dtype: .f32, shape: shape), TensorStorage(scales))])
    return descriptor
  }
}

extension TensorStorage {
  /// Ranges of one file, one behind the other where there are several.
  fileprivate init(_ segments: [StorageSegment]) {
    self.init(segments.first ?? StorageSegment(file: 0, offset: 0, byteCount: 0))
    if segments.count > 1 { self.segments = .many(segments) }
  }
}

/// The metadata keys under which the header's numbers travel.
package enum Llama2CMetadata {
  /// The version of the file.
  package static let version = "llama2c.version"
  static let groupSize = "llama2c.group_size"
  static let width = "llama2c.dim"
  static let feedForwardWidth = "llama2c.hidden_dim"
  static let blockCount = "llama2c.n_layers"
  static let headCount = "llama2c.n_heads"
  static let keyHeadCount = "llama2c.n_kv_heads"
  static let vocabularySize = "llama2c.vocab_size"
  static let contextLength = "llama2c.seq_len"

  /// Every key that is made of a header.
  static let numbers = HeaderNumbers(
    format: "llama2c", title: "llama2.c",
    keys: [
      version, width, feedForwardWidth, blockCount, headCount, keyHeadCount, vocabularySize, contextLength,
      groupSize,
    ])

  /// The header's numbers as metadata; the sign of version 0's vocabulary, and the flag of others, are said by the head.
  static func metadata(of header: Llama2CHeader) -> Metadata {
    let dimensions = header.dimensions
    var numbers = [
      Int(header.version.number), dimensions.width, dimensions.feedForwardWidth, dimensions.blockCount,
      dimensions.headCount, dimensions.keyHeadCount, dimensions.vocabularySize, dimensions.contextLength,
    ]
    if case .int8(let groupSize) = header.version { numbers.append(groupSize) }
    return self.numbers.metadata(numbers)
  }
}
