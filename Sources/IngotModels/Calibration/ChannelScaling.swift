// SPDX-License-Identifier: Apache-2.0
// Channels of what products take divided by powers of two, and the weights multiplied by the same: nothing is rounded, so
// the model computes what it did, bit for bit, while int8 sees other ranges.
// Xiao et al., "SmoothQuant", 2023, section 4.
import IngotCore
import IngotGraph
import IngotKernels
import IngotTransforms

/// Powers of two that parameters' channels are multiplied by.
package struct ChannelScaling: Sendable {
  /// The powers of one parameter; `nil` for channels that stay.
  struct Factors: Sendable {
    /// Of its inputs.
    var inputs: [Float]?
    /// Of its outputs.
    var outputs: [Float]?
  }

  private(set) var factors: [TensorRole: Factors] = [:]
  /// Inputs of products that were scaled.
  package private(set) var inputCount = 0

  /// A scaling that changes nothing.
  package init() {}

  /// Divides the channels of an input.
  ///
  /// - Parameters:
  ///   - input: the input.
  ///   - powers: what each channel is divided by.
  package mutating func divide(_ input: ScalableInput, by powers: ChannelPowers) {
    inputCount += 1
    for role in input.takers { factors[role, default: Factors()].inputs = powers.factors }
    for giver in input.givers {
      // The channels are the last of its outputs.
      factors[giver.role, default: Factors()].outputs =
        [Float](repeating: 1, count: giver.firstOutput) + powers.inverses
    }
  }
}

extension ParameterView {
  /// A plain parameter with its channels multiplied.
  ///
  /// - Parameters:
  ///   - factors: powers of two.
  ///   - outputAxis: the dimension of its outputs.
  /// - Returns: the view, of the dtype that it had.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for factors that do not fit.
  func multiplied(by factors: ChannelScaling.Factors, outputAxis: Int) throws(IngotError) -> ParameterView {
    var view = self
    for (powers, axis) in [(factors.inputs, 1 - outputAxis), (factors.outputs, outputAxis)] {
      guard let powers else { continue }
      view = try view.multiplied(by: powers, axis: axis)
    }
    return try view.cast(to: dtype, onOverflow: .refuse)
  }

  private func multiplied(by powers: [Float], axis: Int) throws(IngotError) -> ParameterView {
    let scheme = Quantization(granularity: .perChannel(axis: axis))
    guard quantization == nil, shape.dimensions.indices.contains(axis),
      shape.dimensions[axis] == powers.count,
      let scales = Shape([powers.count]),
      let product = LazyPart.scaled(
        [(.values, values), (.scales, .literal(.f32, scales, ScaleType.f32.bytes(of: powers)))], scheme)
    else { throw .internal("\(powers.count) factors for \(shape)") }
    var view = self
    view.parts = [(.values, product)]
    view.notes.append(.channelsMultiplied)
    return view
  }
}
