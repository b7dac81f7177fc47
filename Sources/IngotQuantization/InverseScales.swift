// SPDX-License-Identifier: Apache-2.0
// Scales as programs have them that divide integers by them. Page: formats/ctranslate2.md.
import IngotCore

/// What integers are divided by instead of being multiplied by their scales.
package struct InverseScales: Sendable {
  /// The inverses, F32; 1 for a scale of 0, all of whose integers are 0.
  package let values: [Float]

  /// Inverts scales.
  ///
  /// - Parameters:
  ///   - scales: at least 0.
  ///   - name: the tensor that they are of, for errors.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a scale so small that its inverse is
  ///   beyond F32.
  package init(of scales: [Float], tensor name: String) throws(IngotError) {
    values = scales.map { $0 == 0 ? 1 : 1 / $0 }
    guard let output = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw .unrepresentable(
      tensor: name, target: DType.f32.rawValue,
      why:
        "the weights of output \(output) are so small that what their integers are divided by is beyond its range",
      hint: nil)
  }
}
