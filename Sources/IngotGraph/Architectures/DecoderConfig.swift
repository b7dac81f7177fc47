// SPDX-License-Identifier: Apache-2.0
// What the configs of decoders have in common: keys and their defaults, heads, and what contradicts.
// huggingface/transformers: src/transformers/models/llama/configuration_llama.py.
import IngotCore

extension Architecture {
  /// An architecture whose graph is a decoder's.
  ///
  /// - Parameters:
  ///   - id: the id that configs call it by.
  ///   - title: the name for people.
  ///   - classes: what the names of transformers' classes begin with; `nil` for the title.
  ///   - heads: the heads, where the names of their classes differ otherwise; `nil` for those of most.
  ///   - sizes: the keys of its sizes, with their defaults.
  ///   - keys: the keys in which it differs from others; what others refuse it may have here.
  ///   - presets: published sizes.
  ///   - fixed: sets what all of its models have, whatever a config says.
  /// - Returns: the architecture.
  static func decoder(
    id: String, title: String, classes: String? = nil, heads: [ModelHead]? = nil, sizes: DecoderSizes,
    keys: [ConfigKey],
    presets: [ModelPreset],
    fixed: @escaping @Sendable (inout ModelConfig) -> Void = { _ in }
  ) -> Architecture {
    let own = sizes.keys + keys
    let taken = Set(own.flatMap(\.spellings))
    let common = (.decoderHeads + .multipliers + .decoderRemarks).filter { !taken.contains($0.name) }
    return Architecture(
      id: id, title: title, keys: own + common,
      statements: [("initializer_range", .float64(0.02))], signature: [],
      heads: heads ?? decoderHeads(classes ?? title), presets: presets, conflict: decoderConflict,
      settle: settleDecoder, fixed: fixed, build: { decoderGraph(id, $0, transposed: $1) })
  }

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
    return rotaryConflict(config) ?? expertConflict(config)
  }

  /// Experts that no file has: the graph has a node's parameters for each of them.
  private static func expertConflict(_ config: ModelConfig) -> ConfigConflict? {
    let (count, blocks) = (config[.expertCount], config.blockCount)
    guard count > 0 else { return nil }
    let key = "num_experts"
    guard let all = count.checkedMultiply(blocks), all <= mostExperts else {
      return ConfigConflict(
        key: key, found: "\(count) in each of \(blocks, "block")", expected: "at most \(mostExperts) in all")
    }
    guard config[.chosenExpertCount] <= count else {
      return ConfigConflict(
        key: "num_experts_per_tok", found: "\(config[.chosenExpertCount])",
        expected: "at most \(count), all of them")
    }
    return nil
  }

  /// More than the largest published models have, by four tenths.
  private static let mostExperts = 1 << 15

  /// Numbers of a head that are turned and make no pairs, and lists of divisors that have not one a pair.
  static func rotaryConflict(_ config: ModelConfig) -> ConfigConflict? {
    let turned = config[.rotary].turnedCount(of: config.headDimension)
    guard turned > 0, turned.isMultiple(of: 2) else {
      return ConfigConflict(
        key: "partial_rotary_factor", found: "\(turned) of \(config.headDimension) numbers of a head",
        expected: "an even number, for pairs to be turned")
    }
    guard case .longrope(let longrope) = config[.rotary].scaling else { return nil }
    for (name, list) in [("short_factor", longrope.short), ("long_factor", longrope.long)]
    where list.count != turned / 2 {
      return ConfigConflict(
        key: "rope_parameters.\(name)", found: "\(list.count, "factor")",
        expected: "\(turned / 2), one a pair")
    }
    return nil
  }
}

extension ModelConfig {
  /// Whether heads are of another size than an equal part of the width.
  fileprivate var statesHeadDimension: Bool { self[.headDimension] != width / max(1, headCount) }
}

/// The sizes of a decoder: what a config that lacks their keys means.
struct DecoderSizes {
  /// V.
  var vocabulary = 32_000
  /// Positions.
  var context = 2048
  /// D.
  var width = 4096
  /// L.
  var blocks = 32
  /// H.
  var heads = 32
  /// Heads of keys and of values.
  var keyHeads = ConfigDefault<Int>.derived("num_attention_heads") { $0.headCount }
  /// E.
  var headDimension = ConfigDefault<Int>.derived("hidden_size / num_attention_heads") {
    $0.width / max(1, $0.headCount)
  }
  /// F.
  var feedForward = 11_008
  /// The key of the gate's function.
  var activation = ConfigKey(
    "hidden_act", .activation(.activation, .value(.silu), names: transformersActivations))
  /// ε.
  var epsilon = 1e-6
  /// Whether the head is the token embedding.
  var tiesHead = false
  /// The keys of the rotary embedding.
  var rotary = [ConfigKey].rotary(RotaryRule())

  /// Llama's, with some changes.
  init(_ change: (inout DecoderSizes) -> Void = { _ in }) { change(&self) }

  /// The keys.
  var keys: [ConfigKey] {
    [
      ConfigKey("vocab_size", .count(.vocabularySize, .value(vocabulary), limit: 1 << 28)),
      ConfigKey("max_position_embeddings", .count(.contextLength, .value(context), limit: 1 << 28)),
      ConfigKey("hidden_size", .count(.width, .value(width), limit: 1 << 20)),
      ConfigKey("num_hidden_layers", .count(.blockCount, .value(blocks), limit: 10_000)),
      ConfigKey("num_attention_heads", .count(.headCount, .value(heads), limit: 1 << 20)),
      ConfigKey("num_key_value_heads", .count(.keyHeadCount, keyHeads, limit: 1 << 20)),
      ConfigKey(
        "head_dim", .count(.headDimension, headDimension, limit: 1 << 20), isLeftOutWhenNull: true),
      ConfigKey("intermediate_size", .count(.feedForwardWidth, .value(feedForward), limit: 1 << 24)),
      activation,
      ConfigKey("rms_norm_eps", .fraction(.layerNormEpsilon, .value(epsilon))),
      ConfigKey("tie_word_embeddings", .flag(.tiesHead, .value(tiesHead))),
    ] + rotary
  }
}

extension [ConfigKey] {
  /// The keys of a rotary embedding that all layers share.
  ///
  /// - Parameter rule: how they are called, and what is meant without them.
  /// - Returns: the keys, that of the newer spelling last.
  static func rotary(_ rule: RotaryRule) -> [ConfigKey] {
    func key(_ names: [String], _ part: RotaryKey) -> [ConfigKey] {
      guard let name = names.first else { return [] }
      let aliases = [String](names.dropFirst())
      return [
        // Its class wants a number there, or nothing.
        ConfigKey(name, .rotary(.rotary, part, rule), aliases: aliases, isLeftOutWhenNull: part == .original)
      ]
    }
    return key(rule.baseKeys, .base) + key(rule.shareKeys, .share)
      + key([rule.scalingKey].compactMap { $0 }, .scaling)
      + (rule.original == nil ? [] : key(["original_max_position_embeddings"], .original))
      + key([RotaryRule.parametersKey], .parameters)
  }

  /// The keys that the heads of a decoder look at, and what it is not.
  static let decoderHeads: [ConfigKey] = [
    ConfigKey("architectures", .head),
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
    ConfigKey("partial_rotary_factor", .onlyValue(.float64(1))),
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
