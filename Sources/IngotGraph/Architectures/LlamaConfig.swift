// SPDX-License-Identifier: Apache-2.0
// The configs of Llama and Mistral: the keys in which they differ, and published sizes.
// huggingface/transformers: src/transformers/models/llama/configuration_llama.py, models/mistral/configuration_mistral.py.
import IngotCore

extension Architecture {
  /// Llama 1 to 3, and what is built like it: TinyLlama, SmolLM, Yi.
  package static let llama = decoder(
    id: "llama", title: "Llama",
    sizes: DecoderSizes(),
    keys: [
      ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
      ConfigKey("mlp_bias", .flag(.feedForwardBias, .value(false))),
      // transformers computes such a model without a window, and whoever wrote the key meant one.
      ConfigKey("sliding_window", .onlyValue(.null)),
      ConfigKey("layer_types", .onlyElements(.string("full_attention"))),
    ],
    // Touvron et al., 2023, "Llama 2", table 1; Zhang et al., "TinyLlama", 2024, table 1; HuggingFaceTB/SmolLM2-135M.
    presets: [
      ModelPreset("llama-2-7b") {
        $0[.contextLength] = 4096; $0[.layerNormEpsilon] = 1e-5
      },
      ModelPreset("llama-3.1-8b") { config in
        config[.vocabularySize] = 128_256
        config[.contextLength] = 131_072
        config[.keyHeadCount] = 8
        config[.feedForwardWidth] = 14_336
        config[.layerNormEpsilon] = 1e-5
        config[.rotary] = RotaryParameters(
          base: 500_000, scaling: .llama3(factor: 8, low: 1, high: 4, original: 8192))
      },
      ModelPreset("tinyllama-1.1b") { config in
        config[.width] = 2048
        config[.blockCount] = 22
        config[.keyHeadCount] = 4
        config[.feedForwardWidth] = 5632
        config[.layerNormEpsilon] = 1e-5
      },
      ModelPreset("smollm2-135m") { config in
        config[.vocabularySize] = 49_152
        config[.contextLength] = 8192
        config[.width] = 576
        config[.blockCount] = 30
        config[.headCount] = 9
        config[.keyHeadCount] = 3
        config[.feedForwardWidth] = 1536
        config[.layerNormEpsilon] = 1e-5
        config[.tiesHead] = true
        config[.rotary] = RotaryParameters(base: 100_000)
      },
    ])

  /// Mistral 7B and what is built like it, whose tokens see a window.
  package static let mistral = decoder(
    id: "mistral", title: "Mistral",
    sizes: DecoderSizes {
      $0.feedForward = 14_336
      $0.context = 131_072
      $0.keyHeads = .value(8)
    },
    keys: [
      ConfigKey("sliding_window", .optionalCount(.window, absent: 4096, limit: 1 << 28)),
      ConfigKey("attention_bias", .onlyValue(.bool(false))),
      ConfigKey("mlp_bias", .onlyValue(.bool(false))),
    ],
    // Jiang et al., 2023, table 1.
    presets: [
      ModelPreset("mistral-7b") {
        $0[.contextLength] = 32_768; $0[.layerNormEpsilon] = 1e-5; $0[.window] = 4096
      }
    ])
}
