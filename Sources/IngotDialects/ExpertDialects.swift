// SPDX-License-Identifier: Apache-2.0
// The names of Mixtral, Qwen's mixtures of experts and gpt-oss: in transformers expert by expert, as published, or all experts of a block
// in one tensor; in mlx-lm and llama.cpp so always.
// huggingface/transformers: src/transformers/models/mixtral/modeling_mixtral.py, conversion_mapping.py; ml-explore/mlx-lm:
// mlx_lm/models/mixtral.py, qwen2_moe.py, qwen3_moe.py; ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Mixtral as published.
  static let huggingFaceMixtral = huggingFaceDecoder(
    "mixtral", rows: decoderRows(around: mixtralExperts, beside: []))
  /// Mixtral as transformers saves it where it is told not to keep the published form.
  static let mergedMixtral = huggingFaceDecoder(
    "mixtral", rows: decoderRows(around: mergedExperts, beside: []), variant: "merged")
  /// Qwen2-MoE as published.
  static let huggingFaceQwen2MoE = huggingFaceDecoder(
    "qwen2_moe", rows: decoderRows(around: qwenExperts, beside: sharedRows))
  /// Qwen2-MoE with all experts of a block in one tensor.
  static let mergedQwen2MoE = huggingFaceDecoder(
    "qwen2_moe", rows: decoderRows(around: mergedExperts, beside: sharedRows), variant: "merged")
  /// Qwen3-MoE as published.
  static let huggingFaceQwen3MoE = huggingFaceDecoder(
    "qwen3_moe", rows: decoderRows(around: qwenExperts, beside: headNormRows))
  /// Qwen3-MoE with all experts of a block in one tensor.
  static let mergedQwen3MoE = huggingFaceDecoder(
    "qwen3_moe", rows: decoderRows(around: mergedExperts, beside: headNormRows), variant: "merged")

  /// gpt-oss as published, whose experts are `[in, out]`, the gate's columns and those of what it lets through by turns.
  static let huggingFaceGPTOSS = huggingFaceDecoder(
    "gpt_oss",
    rows: decoderRows(
      around: [
        (.routerWeight, "layers.{block}.mlp.router.weight", .asIs),
        (.routerBias, "layers.{block}.mlp.router.bias", .asIs),
        (.expertGateWeight, "layers.{block}.mlp.experts.gate_up_proj", .evenColumns),
        (.expertUpWeight, "layers.{block}.mlp.experts.gate_up_proj", .oddColumns),
        (.expertGateBias, "layers.{block}.mlp.experts.gate_up_proj_bias", .evenValues),
        (.expertUpBias, "layers.{block}.mlp.experts.gate_up_proj_bias", .oddValues),
        (.expertDownWeight, "layers.{block}.mlp.experts.down_proj", .turnedByExpert),
        (.expertDownBias, "layers.{block}.mlp.experts.down_proj_bias", .stackedByExpert),
      ], beside: [(.attentionSinks, "layers.{block}.self_attn.sinks", .asIs)]))

  private static let mixtralExperts: [Parameter] = [
    (.routerWeight, "layers.{block}.block_sparse_moe.gate.weight", .asIs),
    (.expertGateWeight, "layers.{block}.block_sparse_moe.experts.{expert}.w1.weight", .asIs),
    (.expertDownWeight, "layers.{block}.block_sparse_moe.experts.{expert}.w2.weight", .asIs),
    (.expertUpWeight, "layers.{block}.block_sparse_moe.experts.{expert}.w3.weight", .asIs),
  ]

  private static let qwenExperts: [Parameter] = [
    (.routerWeight, "layers.{block}.mlp.gate.weight", .asIs),
    (.expertGateWeight, "layers.{block}.mlp.experts.{expert}.gate_proj.weight", .asIs),
    (.expertUpWeight, "layers.{block}.mlp.experts.{expert}.up_proj.weight", .asIs),
    (.expertDownWeight, "layers.{block}.mlp.experts.{expert}.down_proj.weight", .asIs),
  ]

  private static let mergedExperts: [Parameter] = [
    (.routerWeight, "layers.{block}.mlp.gate.weight", .asIs),
    (.expertGateWeight, "layers.{block}.mlp.experts.gate_up_proj", .firstHalves),
    (.expertUpWeight, "layers.{block}.mlp.experts.gate_up_proj", .secondHalves),
    (.expertDownWeight, "layers.{block}.mlp.experts.down_proj", .stackedByExpert),
  ]

  private static let sharedRows: [Parameter] = [
    (.sharedGateWeight, "layers.{block}.mlp.shared_expert.gate_proj.weight", .asIs),
    (.sharedUpWeight, "layers.{block}.mlp.shared_expert.up_proj.weight", .asIs),
    (.sharedDownWeight, "layers.{block}.mlp.shared_expert.down_proj.weight", .asIs),
    (.sharedShareWeight, "layers.{block}.mlp.shared_expert_gate.weight", .asIs),
  ]

  /// Mixtral as mlx-lm names it.
  static let mlxMixtral = mlxDecoder(
    "mixtral", rows: decoderRows(around: stackedExperts("block_sparse_moe"), beside: []),
    fixed: [FixedValue("head_dim", .null)], rotary: .baseOnly)
  /// Qwen2-MoE as mlx-lm names it, which takes shares of all experts, has them in all blocks, and has a head of its own.
  static let mlxQwen2MoE = mlxDecoder(
    "qwen2_moe", rows: decoderRows(around: stackedExperts("mlp"), beside: sharedRows),
    fixed: [FixedValue("head_dim", .null), FixedValue("qkv_bias", .bool(true))], storesTiedHead: true,
    rotary: .baseOnly, refusal: { qwen2MoERefusal($0) ?? plainBlockRefusal($0) })
  /// Qwen3-MoE as mlx-lm names it, whose class asks for the width of a head.
  static let mlxQwen3MoE = mlxDecoder(
    "qwen3_moe", rows: decoderRows(around: stackedExperts("mlp"), beside: headNormRows),
    fixed: [FixedValue("attention_bias", .bool(false))], rotary: .baseOnly,
    echoes: [("head_dim", \.headDimension)])

  /// gpt-oss as mlx-lm names it once it has taken the published form apart.
  static let mlxGPTOSS = mlxDecoder(
    "gpt_oss",
    rows: decoderRows(
      around: [
        (.routerWeight, "layers.{block}.mlp.router.weight", .asIs),
        (.routerBias, "layers.{block}.mlp.router.bias", .asIs),
        (.expertGateWeight, "layers.{block}.mlp.experts.gate_proj.weight", .stackedByExpert),
        (.expertGateBias, "layers.{block}.mlp.experts.gate_proj.bias", .stackedByExpert),
        (.expertUpWeight, "layers.{block}.mlp.experts.up_proj.weight", .stackedByExpert),
        (.expertUpBias, "layers.{block}.mlp.experts.up_proj.bias", .stackedByExpert),
        (.expertDownWeight, "layers.{block}.mlp.experts.down_proj.weight", .stackedByExpert),
        (.expertDownBias, "layers.{block}.mlp.experts.down_proj.bias", .stackedByExpert),
      ], beside: [(.attentionSinks, "layers.{block}.self_attn.sinks", .asIs)]),
    fixed: gptOSSFixed, storesTiedHead: true, rotary: .mlxGPTOSS, seesWindows: true, listsKinds: true,
    refusal: { config in
      // It looks for the first layer of either kind.
      let count = (0..<config.blockCount).filter { config.isWindowBlock($0) }.count
      return count == 0 || count == config.blockCount ? ("layer_types", "has layers of one kind") : nil
    })

  /// What programs have built in of gpt-oss.
  private static let gptOSSFixed = [
    FixedValue("attention_bias", .bool(true)), FixedValue("swiglu_limit", .float64(7)),
    FixedValue("swiglu_alpha", .float64(1.702)),
  ]

  private static func stackedExperts(_ part: String) -> [Parameter] {
    func name(_ rest: String) -> NamePattern {
      NamePattern(stringLiteral: "layers.{block}.\(part).\(rest)")
    }
    return [
      (.routerWeight, name("gate.weight"), .asIs),
      (.expertGateWeight, name("switch_mlp.gate_proj.weight"), .stackedByExpert),
      (.expertUpWeight, name("switch_mlp.up_proj.weight"), .stackedByExpert),
      (.expertDownWeight, name("switch_mlp.down_proj.weight"), .stackedByExpert),
    ]
  }

  /// Mixtral as llama.cpp names it: its Llama with experts.
  static let llamaCppMixtral = llamaCppDecoder(
    "mixtral", in: "llama", order: .paired, rows: ggufExperts,
    form: .expertForm("llama", count: "num_local_experts", reading: ConfigForm.readMixture))
  /// Qwen2-MoE as llama.cpp names it.
  static let llamaCppQwen2MoE = llamaCppDecoder(
    "qwen2_moe", in: "qwen2moe",
    rows: ggufExperts + [
      (.sharedGateWeight, "blk.{block}.ffn_gate_shexp.weight", .asIs),
      (.sharedUpWeight, "blk.{block}.ffn_up_shexp.weight", .asIs),
      (.sharedDownWeight, "blk.{block}.ffn_down_shexp.weight", .asIs),
      (.sharedShareWeight, "blk.{block}.ffn_gate_inp_shexp.weight", .optionalLeadingOne),
    ],
    fixed: [FixedValue("head_dim", .null), FixedValue("qkv_bias", .bool(true))],
    // src/models/qwen2moe.cpp asks for a head, be it the token embedding.
    storesTiedHead: true, refusal: { qwen2MoERefusal($0) ?? plainBlockRefusal($0) },
    form: .expertForm("qwen2moe", count: "num_experts", keeping: "tie_word_embeddings"))
  /// Qwen3-MoE as llama.cpp names it, which takes shares of those chosen.
  static let llamaCppQwen3MoE = llamaCppDecoder(
    "qwen3_moe", in: "qwen3moe", rows: ggufHeadNormRows(.asIs) + ggufExperts,
    fixed: [FixedValue("attention_bias", .bool(false)), FixedValue("norm_topk_prob", .bool(true))],
    refusal: plainBlockRefusal,
    form: .expertForm("qwen3moe", count: "num_experts") { _, document in
      document["norm_topk_prob"] = document["norm_topk_prob"] ?? .bool(true)
    })

  /// gpt-oss as llama.cpp names it.
  static let llamaCppGPTOSS = llamaCppDecoder(
    "gpt_oss", in: "gpt-oss",
    rows: ggufExperts + [
      (.routerBias, "blk.{block}.ffn_gate_inp.bias", .asIs),
      (.expertGateBias, "blk.{block}.ffn_gate_exps.bias", .stackedByExpert),
      (.expertUpBias, "blk.{block}.ffn_up_exps.bias", .stackedByExpert),
      (.expertDownBias, "blk.{block}.ffn_down_exps.bias", .stackedByExpert),
      (.attentionSinks, "blk.{block}.attn_sinks.weight", .asIs),
    ],
    norm: "post_attention_norm", fixed: gptOSSFixed, storesTiedHead: true, rotary: .llamaCppGPTOSS,
    seesWindows: true,
    refusal: { $0.hasWindowBlocks ? nil : ("layer_types", "has no layer with a window") },
    form: ConfigForm.windowForm("gpt-oss", period: 2) {
      $0.rows += [
        ("num_experts_per_tok", "gpt-oss.expert_used_count"),
        ("intermediate_size", "gpt-oss.expert_feed_forward_length"),
      ]
      $0.kept.append("tie_word_embeddings")
      let readWindows = $0.reading
      $0.reading = { own, document in
        readWindows(own, &document)
        // A file without a scaling has none, where a config without one means yarn.
        if document[RotaryRule.olderKey] == nil {
          document[RotaryRule.parametersKey] = .object(
            Metadata([.init(key: "rope_type", value: .string("default"))]))
        }
      }
    })

  private static let ggufExperts: [Parameter] = [
    (.routerWeight, "blk.{block}.ffn_gate_inp.weight", .asIs),
    (.expertGateWeight, "blk.{block}.ffn_gate_exps.weight", .stackedByExpert),
    (.expertUpWeight, "blk.{block}.ffn_up_exps.weight", .stackedByExpert),
    (.expertDownWeight, "blk.{block}.ffn_down_exps.weight", .stackedByExpert),
  ]

  private static let qwen2MoERefusal: @Sendable (ModelConfig) -> (key: String, why: Evidence)? = { config in
    config[.normalizesShares] ? ("norm_topk_prob", "is true") : nil
  }

  /// Blocks without experts, which llama.cpp's files can't have.
  private static let plainBlockRefusal: @Sendable (ModelConfig) -> (key: String, why: Evidence)? = { config in
    guard config[.expertCount] > 0 else { return ("num_experts", "is 0") }
    guard let block = (0..<config.blockCount).first(where: { !config.hasExperts(inBlock: $0) }) else {
      return nil
    }
    return config[.plainBlocks].contains(block)
      ? ("mlp_only_layers", "names layer \(block)") : ("decoder_sparse_step", "is \(config[.expertPeriod])")
  }
}

extension ConfigForm {
  /// The keys of llama.cpp's GGUF files of a mixture of experts.
  ///
  /// - Parameters:
  ///   - prefix: what stands before them.
  ///   - count: config.json's key of the number of experts.
  ///   - key: a further key of config.json that is kept; of ties, where a file has a head in any case.
  ///   - reading: completes what the keys say.
  /// - Returns: the form.
  fileprivate static func expertForm(
    _ prefix: String, count: String, keeping key: String? = nil,
    reading: @escaping @Sendable (Metadata, inout Metadata) -> Void = { _, _ in }
  ) -> ConfigForm {
    ggufDecoder(prefix) { form in
      form.rows =
        form.rows.filter { $0.key != "num_local_experts" } + [
          (count, "\(prefix).expert_count"), ("num_experts_per_tok", "\(prefix).expert_used_count"),
          ("moe_intermediate_size", "\(prefix).expert_feed_forward_length"),
          ("shared_expert_intermediate_size", "\(prefix).expert_shared_feed_forward_length"),
        ]
      form.kept += ["decoder_sparse_step", "mlp_only_layers", "norm_topk_prob", "qkv_bias"]
      if let key { form.kept.append(key) }
      form.reading = { own, document in
        reading(own, &document)
        document["sliding_window"] = document["sliding_window"] ?? .null
      }
    }
  }
}
