// SPDX-License-Identifier: Apache-2.0
// Which tensors are quantized where no model tells what they are for: matrices, by type, shape and name. What a graph tells
// is WeightQuantization's.
import IngotCore
import IngotKernels

/// Why a tensor is not quantized.
package struct QuantizationObstacle: Sendable {
  /// Why.
  package let why: Evidence
  /// Whether it can't be quantized at all; else a rule that names it has it quantized.
  package let isFixed: Bool

  /// Says why.
  package init(_ why: Evidence, isFixed: Bool = true) { (self.why, self.isFixed) = (why, isFixed) }
}

/// Decides for tensors of which no model is known.
package enum MatrixQuantization {
  /// Rows, and columns, that a matrix has at least: below, an F32 scale a row takes an eighth or more of what its values do,
  /// and there are few such matrices but those that steer a whole (classes, states, ranks).
  package static let leastSide = 32
  /// The dimension whose indexes have a scale each: matrices are taken for `[out, in]`, as PyTorch's linear layers have them.
  package static let outputAxis = 0

  /// Why a tensor is not quantized, whatever the scheme.
  ///
  /// - Parameter tensor: the tensor; one that is quantized already is judged by its shape and name.
  /// - Returns: the first reason; `nil` for a matrix that is quantized.
  package static func obstacle(_ tensor: TensorDescriptor) -> QuantizationObstacle? {
    let shape = tensor.shape
    if !tensor.isQuantized {
      guard tensor.dtype.isFloating else { return QuantizationObstacle("no floating-point numbers") }
      guard ElementConversion(from: tensor.dtype, to: .f32) != nil else {
        return QuantizationObstacle("no conversion from \(tensor.dtype)")
      }
    }
    guard shape.rank > 1 else { return QuantizationObstacle("a vector or a single number") }
    guard shape.rank == 2 else {
      return QuantizationObstacle("more than two dimensions, and matrices alone are quantized")
    }
    guard shape.elementCount > 0 else { return QuantizationObstacle("no values") }
    if let use = MatrixUse(tensor.name, shape: shape) {
      return QuantizationObstacle(use.why, isFixed: false)
    }
    guard tensor.isQuantized || tensor.dtype.bitWidth > 8 else {
      return QuantizationObstacle("its values have 8 bits already", isFixed: false)
    }
    guard shape.dimensions.allSatisfy({ $0 >= leastSide }) else {
      return QuantizationObstacle(
        "fewer than \(leastSide) rows or columns, too few for scales", isFixed: false)
    }
    return nil
  }

  /// Why a scheme does not fit a matrix: what shares a scale is part of a row, and no scale is for less.
  ///
  /// - Parameters:
  ///   - scheme: the scheme.
  ///   - shape: `[rows, columns]`.
  /// - Returns: the reason; `nil` for one that fits.
  package static func misfit(_ scheme: QuantizationScheme, _ shape: Shape) -> QuantizationObstacle? {
    let size = scheme == .q80 ? BlockType.q80.elementCount : scheme.groupSize
    guard let size, let columns = shape.dimensions.last, !columns.isMultiple(of: size) else { return nil }
    return QuantizationObstacle(
      "rows of \(columns, "value") are no multiple of \(size), which share a scale")
  }
}
