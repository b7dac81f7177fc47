// SPDX-License-Identifier: Apache-2.0
// The configs of Gemma 1 to 3: gains that are stored less 1, embeddings times the root of the width, norms behind
// sub-blocks, bounded scores, and windows in most layers.
// Gemma Team, "Gemma", 2024; "Gemma 2", 2024; "Gemma 3", 2025; huggingface/transformers:
// src/transformers/models/gemma/configuration_gemma.py, gemma2/configuration_gemma2.py, gemma3/configuration_gemma3.py.
import IngotCore

extension ConfigField where Value == Double {
  /// What is added to the gains of norms.
  package static let normOffset = ConfigField("normOffset", standard: 0)
  /// What scores are divided by the root of; 0 for the numbers of a head.
  package static let queryScalar = ConfigField("queryScalar", standard: 0)
  /// The bound of attention's scores; 0 for none.
  package static let attentionSoftcap = ConfigField("attentionSoftcap", standard: 0)
  /// The bound of the head's scores; 0 for none.
  package static let headSoftcap = ConfigField("headSoftcap", standard: 0)
}

extension ConfigField where Value == Bool {
  /// Whether embeddings are multiplied by √D.
  package static let scalesEmbedding = ConfigField("scalesEmbedding", standard: false)
  /// Whether what comes out of sub-blocks is normalized too.
  package static let normalizesOutputs = ConfigField("normalizesOutputs", standard: false)
  /// Whether blocks that see a window turn by an embedding of their own.
  package static let hasWindowRotary = ConfigField("hasWindowRotary", standard: false)
}

extension ConfigField where Value == Int {
  /// Of so many blocks the last sees all tokens, the others a window; 0 where all see it.
  package static let windowPeriod = ConfigField("windowPeriod", standard: 0)
}

extension ConfigField where Value == RotaryParameters {
  /// How pairs turn in blocks that see a window, where that is another way.
  package static let windowRotary = ConfigField("windowRotary", standard: RotaryParameters(base: 10_000))
}

extension Architecture {
  /// Gemma 1.
  package static let gemma = decoder(
    id: "gemma", title: "Gemma",
    sizes: DecoderSizes {
      gemmaSizes(&$0)
      $0.width = 3072
      $0.blocks = 28
      $0.heads = 16
      $0.keyHeads = .value(16)
      $0.feedForward = 24_576
      // Of the released files' two names for it, one is the exact function's elsewhere.
      $0.activation = ConfigKey(
        "hidden_act", .activation(.activation, .value(.geluTanh), names: firstGemmaActivations))
    },
    // Of the same name in the released files transformers' class looks at `hidden_act` alone.
    keys: [
      ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
      ConfigKey("hidden_activation", .informational),
    ],
    // google/gemma-2b and gemma-7b: config.json.
    presets: [
      ModelPreset("gemma-2b") { config in
        config[.width] = 2048
        config[.blockCount] = 18
        config[.headCount] = 8
        config[.keyHeadCount] = 1
        config[.feedForwardWidth] = 16_384
      },
      ModelPreset("gemma-7b"),
    ],
    fixed: gemmaFixed)

  /// Gemma 2.
  package static let gemma2 = decoder(
    id: "gemma2", title: "Gemma 2", classes: "Gemma2",
    sizes: DecoderSizes(gemma2Sizes),
    keys: .gemma2 + [
      ConfigKey("attn_logit_softcapping", .optionalReal(.attentionSoftcap, absent: 50)),
      ConfigKey("final_logit_softcapping", .optionalReal(.headSoftcap, absent: 30)),
    ],
    // google/gemma-2-2b: config.json.
    presets: [ModelPreset("gemma-2-2b")],
    fixed: {
      gemmaFixed(&$0)
      $0[.normalizesOutputs] = true
      $0[.windowPeriod] = 2
    })

  /// Gemma 3, its language model.
  package static let gemma3 = decoder(
    id: "gemma3_text", title: "Gemma 3",
    // The names without `Text` are of the model that takes images too, but for the first.
    heads: [
      ModelHead(DecoderHead.language.rawValue, classes: "Gemma3ForCausalLM"),
      ModelHead(
        DecoderHead.sequenceClassification.rawValue, classes: "Gemma3TextForSequenceClassification",
        "Gemma3ForSequenceClassification"),
      ModelHead(DecoderHead.bare.rawValue, classes: "Gemma3TextModel", "Gemma3Model"),
    ],
    sizes: DecoderSizes {
      gemma2Sizes(&$0)
      $0.vocabulary = 262_208
      $0.context = 131_072
      $0.rotary = .gemma3Rotary
    },
    keys: .gemma2 + [
      ConfigKey("sliding_window_pattern", .count(.windowPeriod, .value(6), limit: 1 << 20)),
      ConfigKey("_sliding_window_pattern", .informational),
      // Its attention has no bound, whatever a config says; whoever wrote one meant it.
      ConfigKey("attn_logit_softcapping", .onlyValue(.null)),
      ConfigKey("final_logit_softcapping", .optionalReal(.headSoftcap, absent: 0)),
    ],
    // google/gemma-3-270m and gemma-3-1b-pt: config.json.
    presets: [
      ModelPreset("gemma-3-270m") { config in
        gemma3Preset(&config)
        config[.width] = 640
        config[.blockCount] = 18
        config[.feedForwardWidth] = 2048
      },
      ModelPreset("gemma-3-1b") { config in
        gemma3Preset(&config)
        config[.width] = 1152
        config[.feedForwardWidth] = 6912
      },
    ],
    fixed: {
      gemmaFixed(&$0)
      $0[.normalizesOutputs] = true
      $0[.normalizesHeads] = true
      $0[.hasWindowRotary] = true
    })

  private static let gemma3Preset: @Sendable (inout ModelConfig) -> Void = { config in
    config[.vocabularySize] = 262_144
    config[.contextLength] = 32_768
    config[.headCount] = 4
    config[.keyHeadCount] = 1
    config[.window] = 512
  }

  private static let gemmaSizes: @Sendable (inout DecoderSizes) -> Void = {
    $0.vocabulary = 256_000
    $0.context = 8192
    $0.headDimension = .value(256)
    $0.tiesHead = true
  }

  private static let gemma2Sizes: @Sendable (inout DecoderSizes) -> Void = {
    gemmaSizes(&$0)
    $0.width = 2304
    $0.blocks = 26
    $0.heads = 8
    $0.keyHeads = .value(4)
    $0.feedForward = 9216
    $0.activation = ConfigKey(
      "hidden_activation", .activation(.activation, .value(.geluTanh), names: gemmaActivations))
  }

  private static let gemmaFixed: @Sendable (inout ModelConfig) -> Void = {
    $0[.normOffset] = 1
    $0[.scalesEmbedding] = true
  }
}

/// The names of functions in Gemma, whose files call the tanh form by the second of its names.
private let gemmaActivations: [(String, ActivationKind)] =
  [("gelu_pytorch_tanh", .geluTanh)] + transformersActivations

/// The same in Gemma 1, of whose released files `gelu` is the tanh form.
private let firstGemmaActivations: [(String, ActivationKind)] =
  gemmaActivations.map { $0.0 == "gelu" ? ($0.0, .geluTanh) : $0 }

extension [ConfigKey] {
  /// What Gemma 2 and 3 have beyond Gemma 1.
  fileprivate static let gemma2: [ConfigKey] = [
    ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
    ConfigKey("query_pre_attn_scalar", .positive(.queryScalar, .value(256), isWhole: true)),
    ConfigKey("sliding_window", .optionalCount(.window, absent: 4096, limit: 1 << 28)),
    ConfigKey("layer_types", .layers(.windowBlocks)),
    // Files of the first releases have another key, which is not looked at.
    ConfigKey("hidden_act", .informational), ConfigKey("cache_implementation", .informational),
  ]

  /// The keys of Gemma 3's two rotary embeddings.
  fileprivate static var gemma3Rotary: [ConfigKey] {
    let whole = RotaryRule {
      $0.base = 1_000_000
      $0.layer = LayerKind.whole
    }
    let window = RotaryRule {
      $0.baseKeys = ["rope_local_base_freq"]
      $0.scalingKey = nil
      $0.layer = LayerKind.window
    }
    return [
      ConfigKey("rope_theta", .rotary(.rotary, .base, whole)),
      ConfigKey("rope_local_base_freq", .rotary(.windowRotary, .base, window)),
      ConfigKey("rope_scaling", .rotary(.rotary, .scaling, whole)),
      ConfigKey(
        RotaryRule.parametersKey, .rotaryLayers([(.rotary, whole), (.windowRotary, window)])),
    ]
  }
}
