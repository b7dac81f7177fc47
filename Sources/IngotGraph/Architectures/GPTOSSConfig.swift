// SPDX-License-Identifier: Apache-2.0
// The config of gpt-oss: experts with biases and a bound, windows in every other layer, and a sink for each head.
// OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025; huggingface/transformers:
// src/transformers/models/gpt_oss/configuration_gpt_oss.py, modeling_gpt_oss.py.
import IngotCore

extension ConfigField where Value == Bool {
  /// Whether each head has a sink.
  package static let hasSinks = ConfigField("hasSinks", standard: false)
}

extension Architecture {
  /// gpt-oss.
  package static let gptOSS = decoder(
    id: "gpt_oss", title: "gpt-oss", classes: "GptOss",
    sizes: DecoderSizes {
      $0.vocabulary = 201_088
      $0.context = 131_072
      $0.width = 2880
      $0.blocks = 36
      $0.heads = 64
      $0.keyHeads = .value(8)
      $0.headDimension = .value(64)
      $0.feedForward = 2880
      $0.epsilon = 1e-5
      // Its class has one function.
      $0.activation = ConfigKey("hidden_act", .informational)
      $0.rotary = .rotary(
        RotaryRule {
          var yarn = YarnScaling(factor: 32, original: 4096)
          yarn.truncates = false
          $0.base = 150_000
          $0.scaling = .yarn(yarn)
        })
    },
    keys: [
      ConfigKey("attention_bias", .flag(.attentionBias, .value(true))),
      ConfigKey("sliding_window", .optionalCount(.window, absent: 128, limit: 1 << 28)),
      ConfigKey("layer_types", .layers(.windowBlocks)),
      ConfigKey(
        "num_local_experts", .count(.expertCount, .value(128), limit: 1 << 16), aliases: ["num_experts"]),
      ConfigKey("num_experts_per_tok", .count(.chosenExpertCount, .value(4), limit: 1 << 16)),
      ConfigKey("swiglu_limit", .positive(.expertBound, .value(7))),
      ConfigKey("swiglu_alpha", .positive(.expertAlpha, .value(1.702))),
    ] + .expertRemarks + .informational("experts_per_token", "initial_context_length"),
    // openai/gpt-oss-20b and gpt-oss-120b: config.json.
    presets: [
      ModelPreset("gpt-oss-20b") { config in
        config[.blockCount] = 24
        config[.expertCount] = 32
      },
      ModelPreset("gpt-oss-120b"),
    ],
    fixed: {
      $0[.windowPeriod] = 2
      $0[.expertBias] = true
      $0[.hasSinks] = true
    })
}
