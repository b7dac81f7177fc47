// SPDX-License-Identifier: Apache-2.0
// What quantized tensors stand for: the numbers behind blocks, and behind values with scales.
import IngotCore
import IngotKernels
import IngotTransforms

extension TensorDescriptor {
  /// Whether what scales are for goes across rows, or is of one with them, so that no other layout has it.
  package var hasFixedLayout: Bool {
    if case .perRun? = quantization?.scheme.granularity { return true }
    return blockType != nil
  }

  /// The F32 values that the tensor's blocks, or its values with their scales, stand for; `nil` for one that is not
  /// quantized, and for blocks and schemes without such arithmetic.
  package var dequantizedValues: LazyPart? {
    if let quantization {
      return .scaled(parts.map { ($0.kind, .stored(name: name, $0)) }, quantization.scheme)
    }
    if let packing {
      return packing.values.flatMap { .packed($0, of: parts.map { .stored(name: name, $0) }) }
    }
    guard let blockType, BlockDecoder.supports(blockType) else { return nil }
    return .dequantized(.stored(name: name, parts[0]), blockType, shape)
  }

  /// The numbers that the elements stand for; `nil` where they can't be told.
  package var values: LazyPart? {
    isQuantized ? dequantizedValues : .stored(name: name, parts[0])
  }

  /// The error of one whose numbers can't be told, on its way to a dtype.
  package func notDequantized(to dtype: DType) -> IngotError {
    .unrepresentable(
      tensor: name, target: dtype.rawValue,
      why: packing != nil
        ? "what its \(words: typeName) values stand for is not known"
        : blockType == nil
          ? "\(self.dtype) with such scales are kept as they are, not dequantized"
          : "\(words: typeName) blocks are kept as they are, not dequantized",
      hint: .remedy(.leaveOut))
  }

  /// What dequantizing it is called in the provenance.
  package var dequantization: Provenance {
    packing.map { .unpacked(scheme: $0.scheme) } ?? blockType.map { .dequantizedBlocks($0) }
      ?? .scaled(from: dtype)
  }
}

extension Provenance {
  /// The loss of a tensor that became what it stands for; `nil` for what is no dequantizing.
  package func dequantization(of tensor: String, to dtype: DType) -> Loss? {
    switch self {
    case .scaled(let source):
      Loss(.dequantized, tensor: tensor, detail: "\(source) times their scales, now \(dtype)")
    case .unpacked(let scheme):
      Loss(.dequantized, tensor: tensor, detail: "what \(words: scheme) values stand for, now \(dtype)")
    case .dequantizedBlocks(let type):
      Loss(
        .dequantized, tensor: tensor, detail: "what \(words: type.rawValue) blocks stand for, now \(dtype)")
    default: nil
    }
  }
}
