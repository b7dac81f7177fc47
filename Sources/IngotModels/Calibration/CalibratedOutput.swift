// SPDX-License-Identifier: Apache-2.0
// Calibrated weights as tensors of an output: turned so that outputs stand first, and what they become turned back.
import IngotCore
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// A weight on its way to be calibrated, and to an output.
struct WeightDraft {
  /// Its name in the output.
  var name: String
  /// The parameters that it holds.
  var roles: [TensorRole]
  /// F32 values, as the output lays them out.
  var values: LazyPart
  /// What they become.
  var coding: WeightCoding
  /// The dimension of the outputs among the two that count.
  var outputAxis: Int
  /// How scales of groups are stored.
  var scaleType = ScaleType.f16
  /// The scale of the whole tensor, where there is one.
  var wholeScale: Float?
  /// What was done before.
  var notes: [Provenance]
  /// Bytes of what is stored.
  var byteCountBefore: Int

  /// The two dimensions that count.
  fileprivate var matrixShape: Shape? {
    let dimensions = values.shape.dimensions
    return dimensions.count == 3 && dimensions[0] == 1
      ? Shape(Array(dimensions.dropFirst()))
      : dimensions.count == 2 ? values.shape : nil
  }

  /// What it is stored as; `nil` for codings and shapes that are not calibrated, and those that others refuse.
  fileprivate func form(width: Int) -> CalibratedForm? {
    let form: CalibratedForm
    switch coding {
    case .blocks(.q80): form = .blocks
    case .blocks: return nil
    case .integers(let scheme):
      switch scheme.granularity {
      case .perTensor:
        guard let wholeScale else { return nil }
        form = .whole(scale: wholeScale)
      case .perChannel: form = .channels
      case .perGroup(_, let size): form = .groups(size, scaleType)
      case .perBlock, .perRun: return nil
      }
    }
    return width.isMultiple(of: form.groupSize(of: width)) ? form : nil
  }
}

extension OutputBuilder {
  /// Adds a weight that is calibrated.
  ///
  /// - Parameters:
  ///   - weight: the weight.
  ///   - calibrated: what calibrates it; `nil` where nothing is.
  /// - Returns: whether it was added; no other coding is, nor a weight without a product of its own.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a shape that no scheme fits.
  mutating func add(_ weight: WeightDraft, by calibrated: CalibratedWeights?) throws(IngotError) -> Bool {
    guard let calibrated, calibrated.takes(weight.roles), let shape = weight.matrixShape else { return false }
    let isTurned = weight.outputAxis == 1
    guard let form = weight.form(width: shape.dimensions[isTurned ? 0 : 1]) else { return false }
    if case .blocks = form, isTurned { return false }
    let matrix = weight.values.reshape(to: shape)
    let (values, scales) = try calibrated.add(
      weight.name, weight.roles, values: isTurned ? matrix.transpose : matrix, form: form,
      byteCountBefore: weight.byteCountBefore)
    switch weight.coding {
    case .blocks(let blockType):
      add(
        PlannedTensor(
          name: weight.name, TensorType(dtype: .f32, shape: weight.values.shape, blockType: blockType),
          transforms: weight.notes + [.quantizedToBlocks(blockType)]), [values])
    case .integers(let scheme):
      guard let scaleShape = scheme.scaleShape(of: weight.values.shape) else {
        throw .internal("a scheme that does not fit")
      }
      let integers = (isTurned ? values.transpose : values).reshape(to: weight.values.shape)
      let stored =
        switch form {
        case .whole(let scale): LazyPart.literal(.f32, scaleShape, ScaleType.f32.bytes(of: [scale]))
        case .groups where isTurned: scales?.transpose
        default: scales
        }
      guard let stored else { throw .internal("integers without scales") }
      add(
        PlannedTensor(
          name: weight.name,
          TensorType(int8: weight.values.shape, scheme, scales: form.scaleType.dtype, of: scaleShape),
          transforms: weight.notes), [integers, stored.reshape(to: scaleShape)])
    }
    return true
  }
}
