// SPDX-License-Identifier: Apache-2.0
// The config of Phi-3 and Phi-4-mini, whose projections are stored side by side.
// Abdin et al., "Phi-3 Technical Report", 2024; huggingface/transformers:
// src/transformers/models/phi3/configuration_phi3.py.
import IngotCore

extension ConfigField where Value == Bool {
  /// Whether queries, keys and values are one projection, and gate and up another.
  package static let fusesProjections = ConfigField("fusesProjections", standard: false)
}

extension Architecture {
  /// Phi-3, 3.5 and 4.
  package static let phi3 = decoder(
    id: "phi3", title: "Phi-3", classes: "Phi3",
    sizes: DecoderSizes {
      $0.vocabulary = 32_064
      $0.width = 3072
      $0.feedForward = 8192
      $0.context = 4096
      $0.epsilon = 1e-5
      $0.rotary = .rotary(
        RotaryRule {
          $0.shareKeys = ["partial_rotary_factor"]
          $0.original = 4096
          $0.typeNames = ["su": "longrope", "yarn": "longrope"]
        })
    },
    keys: [
      ConfigKey("attention_bias", .onlyValue(.bool(false))),
      ConfigKey("mlp_bias", .onlyValue(.bool(false))),
      ConfigKey("sliding_window", .optionalCount(.window, absent: 0, limit: 1 << 28)),
      ConfigKey("layer_types", .onlyElements(.string(LayerKind.whole))),
    ],
    // microsoft/Phi-3-mini-4k-instruct: config.json.
    presets: [ModelPreset("phi-3-mini-4k") { $0[.window] = 2047 }],
    fixed: { $0[.fusesProjections] = true })
}
