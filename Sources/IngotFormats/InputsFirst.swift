// SPDX-License-Identifier: Apache-2.0
// Which linear weights are `[in, out]` in transformers' checkpoints, where neither shape nor packing tells: those of its
// layer `Conv1D`, by the names of layers and the type of the model.

/// The layers that transformers stores with the inputs first.
package enum InputsFirst {
  /// The last parts of names that `Conv1D` layers have.
  private static let names: Set<String> = ["c_attn", "c_proj", "c_fc", "q_attn"]
  /// The model types that have such layers.
  private static let modelTypes: Set<String> = ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"]

  /// Whether a layer's weight is `[in, out]`.
  ///
  /// - Parameters:
  ///   - layer: the layer's name, without `.weight`.
  ///   - modelType: what the config calls the model; `nil` when no config does.
  /// - Returns: whether it is; `nil` where the name may be one of those and no config tells.
  package static func holds(forLayer layer: String, modelType: String?) -> Bool? {
    guard let last = layer.split(separator: ".").last, names.contains(String(last)) else { return false }
    return modelType.map { modelTypes.contains($0) }
  }
}
