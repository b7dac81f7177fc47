// SPDX-License-Identifier: Apache-2.0
// The configs of Llama and Mistral: their keys, published sizes, and what contradicts.
// huggingface/transformers: src/transformers/models/llama/configuration_llama.py, models/mistral/configuration_mistral.py.
import IngotCore

extension Architecture {
  /// Llama 1 to 3, and what is built like it: TinyLlama, SmolLM, Yi.
  package static let llama = Architecture(
    id: "llama", title: "Llama",
    keys: .decoderSizes(keyHeads: .derived("num_attention_heads") { $0.headCount }) + [
      ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
      ConfigKey("mlp_bias", .flag(.feedForwardBias, .value(false))),
      // transformers computes such a model without a window, and whoever wrote the key meant one.
      ConfigKey("sliding_window", .onlyValue(.null)),
      ConfigKey("layer_types", .onlyElements(.string("full_attention"))),
    ] + .decoderHeads + .multipliers + .decoderRemarks,
    statements: [("initializer_range", .float64(0.02))],
    signature: [],
    heads: decoderHeads("Llama"),
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
    ],
    conflict: decoderConflict,
    settle: settleDecoder,
    build: { decoderGraph("llama", $0, transposed: $1) })

  /// Mistral 7B and what is built like it, whose tokens see a window.
  package static let mistral = Architecture(
    id: "mistral", title: "Mistral",
    keys: .decoderSizes(feedForward: 14_336, context: 131_072, keyHeads: .value(8)) + [
      ConfigKey("sliding_window", .optionalCount(.window, absent: 4096, limit: 1 << 28)),
      ConfigKey("attention_bias", .onlyValue(.bool(false))),
      ConfigKey("mlp_bias", .onlyValue(.bool(false))),
    ] + .decoderHeads + .multipliers + .decoderRemarks,
    statements: [("initializer_range", .float64(0.02))],
    signature: [],
    heads: decoderHeads("Mistral"),
    // Jiang et al., 2023, table 1.
    presets: [
      ModelPreset("mistral-7b") {
        $0[.contextLength] = 32_768; $0[.layerNormEpsilon] = 1e-5; $0[.window] = 4096
      }
    ],
    conflict: decoderConflict,
    settle: settleDecoder,
    build: { decoderGraph("mistral", $0, transposed: $1) })

  static func decoderHeads(_ name: String) -> [ModelHead] {
    [
      ModelHead(DecoderHead.language.rawValue, classes: "\(name)ForCausalLM"),
      ModelHead(DecoderHead.sequenceClassification.rawValue, classes: "\(name)ForSequenceClassification"),
      ModelHead(DecoderHead.bare.rawValue, classes: "\(name)Model"),
    ]
  }

  /// Sets the head that is stored: what a file holds says more than the name of a class.
  static let settleDecoder: @Sendable (inout ModelConfig, [TensorRole.Kind: Shape]) -> Void = {
    config, stored in
    if stored[.scoreWeight] != nil {
      config[.head] = DecoderHead.sequenceClassification.rawValue
    } else if stored[.head] != nil || config.tiesHead && config[.head] == DecoderHead.bare.rawValue {
      // A head that is the embedding is there, whatever class was saved.
      config[.head] = DecoderHead.language.rawValue
    }
    config.takeLabels(of: stored[.scoreWeight])
  }

  /// What contradicts in the config of a decoder.
  static let decoderConflict: @Sendable (ModelConfig) -> ConfigConflict? = { config in
    guard config.headCount.isMultiple(of: config.keyHeadCount) else {
      return ConfigConflict(
        key: "num_key_value_heads",
        found: "\(config.keyHeadCount, "head") for \(config.headCount) of queries",
        expected: "a divisor of their number")
    }
    guard config[.headDimension] * config.headCount == config.width || config.statesHeadDimension else {
      return ConfigConflict(
        key: "num_attention_heads", found: "\(config.headCount, "head") for a width of \(config.width)",
        expected: "a divisor of it, or a head_dim")
    }
    guard config.headDimension.isMultiple(of: 2) else {
      return ConfigConflict(
        key: "head_dim", found: "\(config.headDimension)", expected: "an even number, for pairs to be turned")
    }
    let listed = config[.windowBlocks].count
    guard listed == 0 || listed == config.blockCount else {
      return ConfigConflict(
        key: "layer_types", found: "\(listed, "layer")",
        expected: "\(config.blockCount), as num_hidden_layers says")
    }
    return rotaryConflict(config)
  }

  /// Lists of divisors that have not one a pair.
  private static func rotaryConflict(_ config: ModelConfig) -> ConfigConflict? {
    guard case .longrope(let longrope) = config[.rotary].scaling else { return nil }
    let pairs = config.headDimension / 2
    for (name, list) in [("short_factor", longrope.short), ("long_factor", longrope.long)]
    where list.count != pairs {
      return ConfigConflict(
        key: "rope_parameters.\(name)", found: "\(list.count, "factor")", expected: "\(pairs), one a pair")
    }
    return nil
  }
}

extension ModelConfig {
  /// Whether heads are of another size than an equal part of the width.
  fileprivate var statesHeadDimension: Bool { self[.headDimension] != width / max(1, headCount) }
}

extension [ConfigKey] {
  /// The sizes of a decoder.
  ///
  /// - Parameters:
  ///   - vocabulary: the default of V.
  ///   - feedForward: the default of F.
  ///   - context: the default of the positions.
  ///   - keyHeads: the default of the heads of keys and values.
  ///   - headDimension: the default of E.
  /// - Returns: the keys.
  static func decoderSizes(
    vocabulary: Int = 32_000, feedForward: Int = 11_008, context: Int = 2048, keyHeads: ConfigDefault<Int>,
    headDimension: ConfigDefault<Int> = .derived("hidden_size / num_attention_heads") {
      $0.width / Swift.max(1, $0.headCount)
    }
  ) -> [ConfigKey] {
    [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(vocabulary), limit: 1 << 28)),
      ConfigKey("max_position_embeddings", .count(.contextLength, .value(context), limit: 1 << 28)),
      ConfigKey("hidden_size", .count(.width, .value(4096), limit: 1 << 20)),
      ConfigKey("num_hidden_layers", .count(.blockCount, .value(32), limit: 10_000)),
      ConfigKey("num_attention_heads", .count(.headCount, .value(32), limit: 1 << 20)),
      ConfigKey("num_key_value_heads", .count(.keyHeadCount, keyHeads, limit: 1 << 20)),
      ConfigKey(
        "head_dim", .count(.headDimension, headDimension, limit: 1 << 20), isLeftOutWhenNull: true),
      ConfigKey("intermediate_size", .count(.feedForwardWidth, .value(feedForward), limit: 1 << 24)),
      ConfigKey("hidden_act", .activation(.activation, .value(.silu), names: transformersActivations)),
      ConfigKey("rms_norm_eps", .fraction(.layerNormEpsilon, .value(1e-6))),
      ConfigKey("rope_theta", .rotary(.rotary, .base, base: 10_000)),
      ConfigKey("rope_scaling", .rotary(.rotary, .scaling, base: 10_000)),
      ConfigKey("rope_parameters", .rotary(.rotary, .parameters, base: 10_000)),
      ConfigKey("partial_rotary_factor", .onlyValue(.float64(1))),
    ]
  }

  /// The keys that the heads of a decoder look at, and what it is not.
  static let decoderHeads: [ConfigKey] = [
    ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(false))), ConfigKey("architectures", .head),
    ConfigKey("id2label", .labels, isOfHead: true), ConfigKey("num_labels", .labels, isOfHead: true),
    ConfigKey("pad_token_id", .token(.paddingToken), isOfHead: true),
    ConfigKey("is_encoder_decoder", .onlyValue(.bool(false))),
    ConfigKey("add_cross_attention", .onlyValue(.bool(false))),
    ConfigKey("is_causal", .onlyValue(.bool(true))),
    ConfigKey("use_bidirectional_attention", .onlyValue(.bool(false))),
    ConfigKey("attention_chunk_size", .onlyValue(.null)),
    ConfigKey("num_nextn_predict_layers", .onlyValue(.int64(0))),
    ConfigKey("num_mtp_layers", .onlyValue(.int64(0))),
    ConfigKey("num_local_experts", .onlyValue(.int64(0))), ConfigKey("num_experts", .onlyValue(.int64(0))),
    ConfigKey("v_head_dim", .onlyValue(.null)),
    ConfigKey("qk_layernorm", .onlyValue(.bool(false))), ConfigKey("use_qk_norm", .onlyValue(.bool(false))),
    ConfigKey("rope_interleaved", .onlyValue(.bool(false))),
    ConfigKey("alibi", .onlyValue(.bool(false))), ConfigKey("parallel_attn", .onlyValue(.bool(false))),
    ConfigKey("no_rope_layers", .onlyElements(.int64(1))),
    ConfigKey("attn_logit_softcapping", .onlyValue(.null)),
    ConfigKey("final_logit_softcapping", .onlyValue(.null)),
    ConfigKey("query_pre_attn_scalar", .onlyValue(.null)),
  ]

  /// What models multiply with that look like Llama otherwise: Granite, Cohere, MiniCPM.
  static let multipliers: [ConfigKey] =
    ["embedding_multiplier", "residual_multiplier", "logits_scaling", "logit_scale", "scale_emb"].map {
      ConfigKey($0, .onlyValue(.float64(1)))
    } + ["attention_multiplier", "scale_depth", "dim_model_base"].map { ConfigKey($0, .onlyValue(.null)) }

  /// What changes no output.
  static let decoderRemarks: [ConfigKey] = .informational(
    "_name_or_path", "attention_dropout", "bos_token_id", "chunk_size_feed_forward", "dtype",
    "embd_pdrop", "eos_token_id", "finetuning_task", "gradient_checkpointing", "hidden_dropout",
    "initializer_range", "label2id", "model_type", "original_max_position_embeddings", "output_attentions",
    "output_hidden_states", "pretraining_tp", "problem_type", "resid_pdrop", "return_dict",
    "task_specific_params", "torch_dtype", "transformers_version", "unk_token_id", "use_cache")
}
