// SPDX-License-Identifier: Apache-2.0
// What the configs of decoders have in common: keys and their defaults, heads, and what contradicts.
// huggingface/transformers: src/transformers/models/llama/configuration_llama.py.
import IngotCore

extension Architecture {
  /// An architecture whose graph is a decoder's.
  ///
  /// - Parameters:
  ///   - id: the id that configs call it by.
  ///   - title: the name for people, with which the names of transformers' classes begin.
  ///   - sizes: the keys of its sizes, with their defaults.
  ///   - keys: the keys in which it differs from others.
  ///   - presets: published sizes.
  ///   - fixed: a flag that is set in all of its models, whatever a config says.
  /// - Returns: the architecture.
  static func decoder(
    id: String, title: String, sizes: [ConfigKey], keys: [ConfigKey], presets: [ModelPreset],
    fixed: ConfigField<Bool>? = nil
  ) -> Architecture {
    Architecture(
      id: id, title: title, keys: sizes + keys + .decoderHeads + .multipliers + .decoderRemarks,
      statements: [("initializer_range", .float64(0.02))], signature: [], heads: decoderHeads(title),
      presets: presets, conflict: decoderConflict, settle: settleDecoder,
      build: { config, transposed in
        decoderGraph(id, fixed.map { config.with($0, true) } ?? config, transposed: transposed)
      })
  }

  private static func decoderHeads(_ name: String) -> [ModelHead] {
    [
      ModelHead(DecoderHead.language.rawValue, classes: "\(name)ForCausalLM"),
      ModelHead(DecoderHead.sequenceClassification.rawValue, classes: "\(name)ForSequenceClassification"),
      ModelHead(DecoderHead.bare.rawValue, classes: "\(name)Model"),
    ]
  }

  /// Sets the head that is stored: what a file holds says more than the name of a class.
  private static let settleDecoder: @Sendable (inout ModelConfig, [TensorRole.Kind: Shape]) -> Void = {
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
  private static let decoderConflict: @Sendable (ModelConfig) -> ConfigConflict? = { config in
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
  fileprivate static let decoderHeads: [ConfigKey] = [
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
  fileprivate static let multipliers: [ConfigKey] =
    ["embedding_multiplier", "residual_multiplier", "logits_scaling", "logit_scale", "scale_emb"].map {
      ConfigKey($0, .onlyValue(.float64(1)))
    } + ["attention_multiplier", "scale_depth", "dim_model_base"].map { ConfigKey($0, .onlyValue(.null)) }

  /// What changes no output.
  fileprivate static let decoderRemarks: [ConfigKey] = .informational(
    "_name_or_path", "attention_dropout", "bos_token_id", "chunk_size_feed_forward", "dtype",
    "embd_pdrop", "eos_token_id", "finetuning_task", "gradient_checkpointing", "hidden_dropout",
    "initializer_range", "label2id", "model_type", "original_max_position_embeddings", "output_attentions",
    "output_hidden_states", "pretraining_tp", "problem_type", "resid_pdrop", "return_dict",
    "task_specific_params", "torch_dtype", "transformers_version", "unk_token_id", "use_cache")
}
