// SPDX-License-Identifier: Apache-2.0
// The names of decoders in llama.cpp's GGUF files. It has one architecture for Llama and Mistral, whose rows of queries and
// keys that are turned together stand side by side; the divisors of Llama 3's frequencies are a tensor.
// ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py, conversion/llama.py, gemma.py, phi.py, src/models/llama.cpp, qwen2.cpp,
// qwen3.cpp, smollm3.cpp, gemma.cpp, gemma2.cpp, gemma3.cpp, phi3.cpp, src/llama-graph.cpp.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as llama.cpp names it.
  static let llamaCppLlama = llamaCppDecoder("llama", order: .paired, flags: llamaFlags, form: .ggufLlama)
  /// Mistral as llama.cpp names it.
  static let llamaCppMistral = llamaCppDecoder(
    "mistral", in: "llama", order: .paired, flags: llamaFlags, form: .ggufLlama)
  private static let llamaFlags: [(key: String, kind: TensorRole.Kind)] = [
    ("attention_bias", .queryBias), ("mlp_bias", .feedForwardGateBias),
  ]

  /// Qwen2 as llama.cpp names it.
  static let llamaCppQwen2 = llamaCppDecoder("qwen2", fixed: [FixedValue("head_dim", .null)])
  /// Qwen3 as llama.cpp names it.
  static let llamaCppQwen3 = llamaCppDecoder(
    "qwen3", rows: ggufHeadNormRows(.asIs), fixed: [FixedValue("attention_bias", .bool(false))],
    flags: [("attention_bias", .queryBias)])

  /// SmolLM3 as llama.cpp names it, every fourth of whose layers does not turn.
  static let llamaCppSmolLM3 = llamaCppDecoder(
    "smollm3", order: .paired,
    fixed: [FixedValue("attention_bias", .bool(false)), FixedValue("mlp_bias", .bool(false))],
    flags: llamaFlags,
    refusal: { config in
      let isOther = (0..<config.blockCount).contains {
        config.turns(inBlock: $0) == ($0 + 1).isMultiple(of: 4)
      }
      guard isOther else { return nil }
      return config[.turningBlocks].isEmpty
        ? ("no_rope_layer_interval", "is \(config[.turningPeriod])")
        : ("no_rope_layers", "lists others than every fourth layer")
    },
    form: ConfigForm.ggufDecoder("smollm3") {
      $0.kept += ["no_rope_layers", "no_rope_layer_interval"]
    })

  /// Gemma 1 as llama.cpp names it.
  static let llamaCppGemma = llamaCppDecoder(
    "gemma", gate: ("hidden_act", "gelu_pytorch_tanh"), gain: .plusOne,
    fixed: [FixedValue("attention_bias", .bool(false))], tied: true, rotary: .baseOnly)

  /// Gemma 2 as llama.cpp names it.
  static let llamaCppGemma2 = llamaCppDecoder(
    "gemma2", gate: ("hidden_activation", "gelu_pytorch_tanh"), gain: .plusOne, rows: ggufOutputNormRows,
    fixed: [FixedValue("attention_bias", .bool(false))], tied: true, rotary: .baseOnly, seesWindows: true,
    refusal: { config in
      if let refusal = queryScalarRefusal(config) { return refusal }
      if !config.hasWindowBlocks { return ("layer_types", "has no layer with a window") }
      if config[.attentionSoftcap] == 0 { return ("attn_logit_softcapping", "is null") }
      // src/models/gemma2.cpp bounds them in any case, by 30 where no key says it.
      return config[.headSoftcap] == 0 ? ("final_logit_softcapping", "is null") : nil
    },
    form: .gemmaForm("gemma2", period: 2))

  /// Gemma 3 as llama.cpp names it.
  static let llamaCppGemma3 = llamaCppDecoder(
    "gemma3_text", in: "gemma3", gate: ("hidden_activation", "gelu_pytorch_tanh"), gain: .plusOne,
    rows: ggufHeadNormRows(.plusOne) + ggufOutputNormRows,
    fixed: [FixedValue("attention_bias", .bool(false))], rotary: .llamaCppBases, seesWindows: true,
    refusal: { config in
      if config[.windowRotary].scaling != .none {
        return ("rope_parameters.sliding_attention", "is \(words: config[.windowRotary].scaling.name)")
      }
      return queryScalarRefusal(config)
    },
    form: .gemmaForm("gemma3", period: 6))

  /// Phi-3 as llama.cpp names it.
  static let llamaCppPhi3 = llamaCppDecoder(
    "phi3",
    rows: [
      (.attentionInputWeight, "blk.{block}.attn_qkv.weight", .asIs),
      (.feedForwardGateUpWeight, "blk.{block}.ffn_up.weight", .asIs),
    ],
    fixed: [FixedValue("head_dim", .null)], rotary: .llamaCppPhi3,
    form: ConfigForm.ggufDecoder("phi3") {
      $0.rows.append(("sliding_window", "phi3.attention.sliding_window"))
      $0.rotary?.hasFactors = true
      // Its converter writes 0 for none.
      $0.reading = { _, document in
        if document["sliding_window"]?.integer == 0 { document["sliding_window"] = .null }
      }
    })

  /// What scores are divided by the root of, where the program derives another number from the sizes.
  private static func queryScalarRefusal(_ config: ModelConfig) -> (key: String, why: Evidence)? {
    // The published models of 27 B, which the program knows by their number of blocks.
    let blocks = config[.normalizesHeads] ? 62 : 46
    let isLargest = config.blockCount == blocks
    let derived = isLargest ? config.width / max(1, config.headCount) : config.headDimension
    guard config[.queryScalar] != Double(derived) else { return nil }
    return ("query_pre_attn_scalar", "is \(config[.queryScalar]), not \(derived)")
  }

  static func ggufHeadNormRows(_ gain: ParameterLayout) -> [Parameter] {
    [
      (.queryNormGain, "blk.{block}.attn_q_norm.weight", gain),
      (.keyNormGain, "blk.{block}.attn_k_norm.weight", gain),
    ]
  }

  private static let ggufOutputNormRows: [Parameter] = [
    (.attentionOutputNormGain, "blk.{block}.post_attention_norm.weight", .plusOne),
    (.feedForwardOutputNormGain, "blk.{block}.post_ffw_norm.weight", .plusOne),
  ]

  private static func ggufProjectionRows(_ order: ParameterLayout) -> [Parameter] {
    [
      (.queryWeight, "blk.{block}.attn_q.weight", order),
      (.queryBias, "blk.{block}.attn_q.bias", order),
      (.keyWeight, "blk.{block}.attn_k.weight", order),
      (.keyBias, "blk.{block}.attn_k.bias", order),
      (.valueWeight, "blk.{block}.attn_v.weight", .asIs),
      (.valueBias, "blk.{block}.attn_v.bias", .asIs),
    ]
  }

  private static let ggufGateRows: [Parameter] = [
    (.feedForwardGateWeight, "blk.{block}.ffn_gate.weight", .asIs),
    (.feedForwardGateBias, "blk.{block}.ffn_gate.bias", .asIs),
    (.feedForwardInputWeight, "blk.{block}.ffn_up.weight", .asIs),
    (.feedForwardInputBias, "blk.{block}.ffn_up.bias", .asIs),
  ]

  /// A decoder's rows of all parameters but the head.
  private static func ggufRows(
    order: ParameterLayout, gain: ParameterLayout, norm: String, others: [Parameter]
  ) -> [Parameter] {
    // Where projections are stored side by side, none is stored alone.
    let isFused = others.contains { $0.kind == .attentionInputWeight }
    let start: [Parameter] = [(.tokenEmbedding, "token_embd.weight", .asIs)]
    let attention: [Parameter] = [
      (.attentionOutputWeight, "blk.{block}.attn_output.weight", .asIs),
      (.attentionOutputBias, "blk.{block}.attn_output.bias", .asIs),
      (.attentionNormGain, "blk.{block}.attn_norm.weight", gain),
      (.feedForwardNormGain, NamePattern(stringLiteral: "blk.{block}.\(norm).weight"), gain),
    ]
    let feedForward: [Parameter] = [
      (.feedForwardOutputWeight, "blk.{block}.ffn_down.weight", .asIs),
      (.feedForwardOutputBias, "blk.{block}.ffn_down.bias", .asIs),
    ]
    return start + (isFused ? [] : ggufProjectionRows(order)) + attention + (isFused ? [] : ggufGateRows)
      + feedForward + others + [(.finalNormGain, "output_norm.weight", gain)]
  }

  /// A decoder's names.
  ///
  /// - Parameters:
  ///   - architecture: the architecture.
  ///   - name: the program's; `nil` for the same.
  ///   - order: how rows of queries and keys stand: by the program's type of rotary embedding.
  ///   - gate: the key of the gate's function, and the one that the program has built in.
  ///   - gain: how gains of norms are stored.
  ///   - rows: names of further parameters.
  ///   - norm: the name of the norm before the feed-forward part.
  ///   - fixed: what the program has built in beside the gate's function.
  ///   - tied: whether it has no other head than the token embedding.
  ///   - storesTiedHead: whether it asks for a head, be it the token embedding.
  ///   - rotary: which rotary embeddings it computes.
  ///   - seesWindows: whether it honours windows.
  ///   - flags: keys that tensors say.
  ///   - refusal: what else it can't express.
  ///   - form: the keys of its files; `nil` for those of most decoders.
  /// - Returns: the dialect.
  static func llamaCppDecoder(
    _ architecture: String, in name: String? = nil, order: ParameterLayout = .asIs,
    gate: (key: String, name: String) = ("hidden_act", "silu"), gain: ParameterLayout = .asIs,
    rows: [Parameter] = [], norm: String = "ffn_norm", fixed: [FixedValue] = [], tied: Bool = false,
    storesTiedHead: Bool = false, rotary: RotarySupport = .llamaCpp, seesWindows: Bool = false,
    flags: [(key: String, kind: TensorRole.Kind)] = [],
    refusal: @escaping @Sendable (ModelConfig) -> (key: String, why: Evidence)? = { _ in nil },
    form: ConfigForm? = nil
  ) -> Dialect {
    let name = name ?? architecture
    var form = form ?? .ggufDecoder(name)
    form.builtIn = [(gate.key, .string(gate.name))]
    return Dialect(
      id: "gguf",
      architecture: architecture,
      prefixes: [""],
      parameters: ggufRows(order: order, gain: gain, norm: norm, others: rows)
        + (tied ? [] : [(.head, "output.weight", .asIs)]),
      heads: ["language": "language"],
      buffers: [
        "blk.{block}.attn_rot_embd", "rope_freqs.weight", "rope_factors_long.weight",
        "rope_factors_short.weight",
      ],
      rotaryDivisors: "rope_freqs.weight",
      rotaryFactors: form.rotary?.hasFactors == true
        ? ("rope_factors_short.weight", "rope_factors_long.weight") : nil,
      storesTiedHead: storesTiedHead,
      staysFloat32: LlamaCppTypes.staysFloat32,
      computes: [.f32, .f16, .bf16],
      // src/models/llama.cpp: LLM_FFN_SILU, LLM_FFN_PAR.
      fixed: [FixedValue(gate.key, .string(gate.name))] + fixed,
      approximated: gate.name == "silu"
        ? [] : [ApproximatedValue(gate.key, .string(gate.name), by: "a table in half precision")],
      // It sees all tokens, whatever a file says.
      ignored: seesWindows
        ? [] : [IgnoredValue("sliding_window", unless: .null, where: ConfigField<Bool>.usesWindow)],
      refusal: refusal,
      rotary: rotary,
      ownFormat: "gguf",
      config: ConfigPlace(
        carrier: .keys(sign: "general.architecture"), form: form, format: "gguf",
        facts: LlamaCppTypes.facts,
        containerArchitecture: name,
        leavesToTensors: true,
        flagsOfTensors: flags),
      tokenizer: .ggufKeys)
  }
}

extension ConfigForm {
  /// The keys of llama.cpp's GGUF files of a decoder.
  ///
  /// - Parameters:
  ///   - prefix: what stands before them, the id of the program's architecture.
  ///   - change: makes them one family's.
  /// - Returns: the form.
  /// - SeeAlso: `ggml-org/llama.cpp: gguf-py/gguf/constants.py`; `src/llama-model.cpp`, `load_hparams`.
  static func ggufDecoder(_ prefix: String, _ change: (inout ConfigForm) -> Void = { _ in }) -> ConfigForm {
    var form = ConfigForm(
      dialect: "gguf",
      rows: [
        ("_name_or_path", "general.name"), ("max_position_embeddings", "\(prefix).context_length"),
        ("hidden_size", "\(prefix).embedding_length"), ("num_hidden_layers", "\(prefix).block_count"),
        ("intermediate_size", "\(prefix).feed_forward_length"),
        ("num_attention_heads", "\(prefix).attention.head_count"),
        ("num_key_value_heads", "\(prefix).attention.head_count_kv"),
        ("head_dim", "\(prefix).attention.key_length"),
        ("rms_norm_eps", "\(prefix).attention.layer_norm_rms_epsilon"),
        ("vocab_size", "\(prefix).vocab_size"), ("num_local_experts", "\(prefix).expert_count"),
      ],
      numberType: .uint32, builtIn: [], keeping: ConfigForm.keptKey,
      kept: ["sliding_window", "use_sliding_window", "max_window_layers", "layer_types"],
      echoes: [("head_dim", "\(prefix).attention.value_length", "v_head_dim")],
      rotary: LlamaCppRotary(prefix: prefix))
    change(&form)
    return form
  }

  /// The keys of Llama and Mistral.
  fileprivate static let ggufLlama = ggufDecoder("llama") { $0.reading = readMixture }

  /// Tells Mixtral from Llama, which are one architecture of the program: by the number of experts.
  static func readMixture(_ own: Metadata, into document: inout Metadata) {
    if (own["llama.expert_count"]?.integer ?? 0) > 0 { document["model_type"] = .string("mixtral") }
  }

  /// The keys of a decoder whose windows the program honours.
  ///
  /// - Parameters:
  ///   - prefix: what stands before them.
  ///   - period: of so many blocks the last sees all tokens, where no key says it.
  ///   - change: makes them one family's.
  /// - Returns: the form.
  static func windowForm(
    _ prefix: String, period: Int, _ change: (inout ConfigForm) -> Void = { _ in }
  ) -> ConfigForm {
    let pattern = "\(prefix).attention.sliding_window_pattern"
    return ggufDecoder(prefix) { form in
      form.rows.append(("sliding_window", "\(prefix).attention.sliding_window"))
      form.ownKeys = [pattern]
      form.writing = { config, own in
        guard config.hasWindowBlocks else {
          own["\(prefix).attention.sliding_window"] = nil
          return
        }
        guard config.listsOtherWindows(than: period) else { return }
        own[pattern] = .array((0..<config.blockCount).map { .bool(config.isWindowBlock($0)) })
      }
      form.reading = { own, document in readWindows(own, pattern: pattern, into: &document) }
      change(&form)
    }
  }

  /// The keys of Gemma 2 and 3: bounds of scores, windows, and which blocks see them.
  ///
  /// - Parameters:
  ///   - prefix: what stands before them.
  ///   - period: of so many blocks the last sees all tokens, where no key says it.
  /// - Returns: the form.
  static func gemmaForm(_ prefix: String, period: Int) -> ConfigForm {
    windowForm(prefix, period: period) { form in
      form.rows += [
        ("attn_logit_softcapping", "\(prefix).attn_logit_softcapping"),
        ("final_logit_softcapping", "\(prefix).final_logit_softcapping"),
      ]
      form.kept = ["sliding_window", "sliding_window_pattern", "layer_types", "query_pre_attn_scalar"]
      form.rotary?.windowBaseKey = "rope_local_base_freq"
      let readWindows = form.reading
      form.reading = { own, document in
        readGemma(period: period, into: &document)
        readWindows(own, &document)
      }
    }
  }

  /// Which blocks see a window, where a file says it.
  private static func readWindows(_ own: Metadata, pattern: String, into document: inout Metadata) {
    let blocks = document["num_hidden_layers"]?.integer ?? 0
    guard document["layer_types"] == nil, document["sliding_window_pattern"] == nil, blocks <= 10_000 else {
      return
    }
    var flags: [Bool]?
    if let elements = own[pattern]?.elements {
      flags = elements.map { $0 == .bool(true) }
    } else if let period = own[pattern]?.integer, period > 0 {
      flags = (1...max(1, blocks)).map { !$0.isMultiple(of: period) }
    }
    guard let flags else { return }
    document["layer_types"] = .array(flags.map { .string($0 ? LayerKind.window : LayerKind.whole) })
  }

  /// Completes what the keys of Gemma 2 and 3 say: what the program takes where they do not.
  private static func readGemma(period: Int, into document: inout Metadata) {
    if document["query_pre_attn_scalar"] == nil, let heads = document["num_attention_heads"]?.integer,
      heads > 0, let width = document["hidden_size"]?.integer
    {
      let isLargest = document["num_hidden_layers"]?.integer == (period == 6 ? 62 : 46)
      let head = document["head_dim"]?.integer ?? width / heads
      document["query_pre_attn_scalar"] = .int64(Int64(isLargest ? width / heads : head))
    }
    // A file without a window has none in Gemma 3, and the program's own in Gemma 2.
    if document["sliding_window"] == nil { document["sliding_window"] = period == 6 ? .null : .int64(4096) }
  }
}
