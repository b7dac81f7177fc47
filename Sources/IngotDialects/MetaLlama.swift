// SPDX-License-Identifier: Apache-2.0
// The names of Llama in Meta's release, and of Mistral in Mistral AI's: rows of queries and keys that are turned together stand
// side by side, and a params.json has the sizes. meta-llama/llama-models: models/llama3/model.py, args.py;
// mistralai/mistral-inference: src/mistral_inference/transformer.py, args.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as Meta names it.
  static let metaLlama = metaDecoder(
    id: "meta", architecture: "llama",
    // feed_forward: F.silu; attention without biases, of dim / n_heads.
    fixed: [
      FixedValue("attention_bias", .bool(false)), FixedValue("mlp_bias", .bool(false)),
      FixedValue("head_dim", .null),
    ],
    rotary: .meta, form: .meta, context: metaContext, embeddingCut: metaEmbeddingCut)

  /// Mistral as Mistral AI names it.
  static let ownMistral = metaDecoder(
    id: "mistral", architecture: "mistral", rotary: .baseOnly, form: .ownMistral, context: mistralContext)

  private static func metaDecoder(
    id: String, architecture: String, fixed: [FixedValue] = [], rotary: RotarySupport, form: ConfigForm,
    context: @escaping @Sendable (Metadata) -> (key: String, value: Int)?,
    embeddingCut: (@Sendable (ModelConfig) -> EmbeddingCut)? = nil
  ) -> Dialect {
    Dialect(
      id: id,
      architecture: architecture,
      prefixes: [""],
      parameters: metaRows,
      heads: ["language": "language"],
      buffers: ["rope.freqs"],
      storesTiedHead: true,
      fixed: [FixedValue("hidden_act", .string("silu"))] + fixed,
      rotary: rotary,
      embeddingCut: embeddingCut,
      config: ConfigPlace(
        carrier: .file("params.json"), form: form, sizesOfTensors: metaSizes, assumes: context))
  }

  private static let metaRows: [Parameter] = [
    (.tokenEmbedding, "tok_embeddings.weight", .asIs),
    (.queryWeight, "layers.{block}.attention.wq.weight", .paired),
    (.keyWeight, "layers.{block}.attention.wk.weight", .paired),
    (.valueWeight, "layers.{block}.attention.wv.weight", .asIs),
    (.attentionOutputWeight, "layers.{block}.attention.wo.weight", .asIs),
    (.feedForwardGateWeight, "layers.{block}.feed_forward.w1.weight", .asIs),
    (.feedForwardInputWeight, "layers.{block}.feed_forward.w3.weight", .asIs),
    (.feedForwardOutputWeight, "layers.{block}.feed_forward.w2.weight", .asIs),
    (.attentionNormGain, "layers.{block}.attention_norm.weight", .asIs),
    (.feedForwardNormGain, "layers.{block}.ffn_norm.weight", .asIs),
    (.finalNormGain, "norm.weight", .asIs),
    (.head, "output.weight", .asIs),
  ]

  /// `vocab_size` may be −1, and the feed-forward's width is the result of a formula.
  private static let metaSizes: [ConfigPlace.SizeOfTensor] = [
    ("vocab_size", .tokenEmbedding, nil, 0), ("intermediate_size", .feedForwardGateWeight, 0, 0),
  ]

  /// The context, which no file of Meta's says: of Llama 3.1 and later where frequencies are scaled, of 3 by its vocabulary, else
  /// of Llama 2.
  private static let metaContext: @Sendable (Metadata) -> (key: String, value: Int)? = { document in
    if document["rope_scaling"] != nil { return ("max_position_embeddings", 131_072) }
    let isThird = (document["vocab_size"]?.integer ?? 0) >= llama3VocabularySize
    return ("max_position_embeddings", isThird ? 8192 : 4096)
  }

  /// Tokens of Llama 3 without the special ones: those before have 32,000 and few more.
  private static let llama3VocabularySize = 128_000

  /// Rows for Llama 3, whose code has `VocabParallelEmbedding`, and columns for those before, which have `ParallelEmbedding`.
  ///
  /// Which code loads a model no file says. It is that of 3 where frequencies are scaled, by the vocabulary, or by the base that
  /// it has built in.
  ///
  /// - SeeAlso: `meta-llama/llama3: llama/model.py`, `meta-llama/llama: llama/model.py`, `Transformer`;
  ///   `huggingface/transformers: convert_llama_weights_to_hf.py`, `concat_dim`.
  private static let metaEmbeddingCut: @Sendable (ModelConfig) -> EmbeddingCut = { config in
    let isThird =
      config[.rotary].scaling != .none || config.vocabularySize >= llama3VocabularySize
      || config[.rotary].base == 500_000
    return isThird ? .rows : .columns
  }

  private static let mistralContext: @Sendable (Metadata) -> (key: String, value: Int)? = { document in
    document["max_position_embeddings"] == nil ? ("max_position_embeddings", 32_768) : nil
  }
}

extension ConfigForm {
  /// Meta's `params.json`.
  ///
  /// - SeeAlso: `meta-llama/llama-models: models/llama3/args.py`, `ModelArgs`.
  static let meta = ConfigForm(
    dialect: "meta",
    rows: metaRows, numberType: .int64, builtIn: [("hidden_act", .string("silu"))],
    unsaid: ["max_position_embeddings"], signature: ["dim", "n_layers", "n_heads", "norm_eps"],
    reading: { own, document in
      if document["vocab_size"] == .int64(-1) { document["vocab_size"] = nil }
      guard own["use_scaled_rope"] == .bool(true) else { return }
      document["rope_scaling"] = RotaryParameters(base: 1, scaling: .meta).value(
        of: .scaling, by: RotaryRule())
    },
    writing: { config, own in
      let (multiple, multiplier) = MetaFeedForward.arguments(for: config)
      own["multiple_of"] = .int64(Int64(multiple))
      if let multiplier { own["ffn_dim_multiplier"] = .float64(multiplier) }
      if config[.rotary].scaling != .none { own["use_scaled_rope"] = .bool(true) }
    },
    ownKeys: ["multiple_of", "ffn_dim_multiplier", "use_scaled_rope"])

  /// Mistral AI's `params.json`.
  ///
  /// - SeeAlso: `mistralai/mistral-inference: src/mistral_inference/args.py`, `TransformerArgs`.
  static let ownMistral = ConfigForm(
    dialect: "mistral",
    rows: metaRows + [
      ("head_dim", "head_dim"), ("intermediate_size", "hidden_dim"), ("sliding_window", "sliding_window"),
    ],
    numberType: .int64, builtIn: [("hidden_act", .string("silu"))],
    unsaid: ["max_position_embeddings"], signature: ["dim", "n_layers", "n_heads", "norm_eps", "hidden_dim"],
    reading: { own, document in
      // No window where the key is missing, which transformers takes for 4,096.
      if own["sliding_window"] == nil { document["sliding_window"] = .null }
      if own["moe"] != nil { document["num_local_experts"] = .int64(8) }
    }, writing: { _, _ in }, ownKeys: [])

  private static let metaRows: [Row] = [
    ("hidden_size", "dim"), ("num_hidden_layers", "n_layers"), ("num_attention_heads", "n_heads"),
    ("num_key_value_heads", "n_kv_heads"), ("vocab_size", "vocab_size"), ("rms_norm_eps", "norm_eps"),
    ("rope_theta", "rope_theta"),
  ]
}

extension RotaryScaling {
  /// What Meta's code computes where frequencies are scaled.
  ///
  /// - SeeAlso: `meta-llama/llama-models: models/llama3/model.py`, `apply_scaling`.
  static let meta = RotaryScaling.llama3(factor: 8, low: 1, high: 4, original: 8192)
}

/// The feed-forward's width as Meta's code computes it: `multiple · ⌈int(m · int(8 · dim / 3)) / multiple⌉`.
///
/// - SeeAlso: `meta-llama/llama-models: models/llama3/model.py`, `FeedForward`.
enum MetaFeedForward {
  /// What the formula gives.
  static func width(dim: Int, multiple: Int, multiplier: Double?) -> Int? {
    guard let eight = dim.checkedMultiply(8), multiple > 0 else { return nil }
    let base = multiplier.map { Double(eight / 3) * $0 } ?? Double(eight / 3)
    guard base >= 0, base < 1e15 else { return nil }
    return Int(base).checkedAlignUp(to: multiple)
  }

  /// Arguments that give a config's width: the code's own defaults where they do, else a multiplier for the greatest power of
  /// two up to 256 that divides it.
  static func arguments(for config: ModelConfig) -> (multiple: Int, multiplier: Double?) {
    let (dim, wanted) = (config.width, config.feedForwardWidth)
    if width(dim: dim, multiple: 256, multiplier: nil) == wanted { return (256, nil) }
    let multiple = [256, 128, 64, 32, 16, 8, 4, 2].first { wanted.isMultiple(of: $0) } ?? 1
    if width(dim: dim, multiple: multiple, multiplier: nil) == wanted { return (multiple, nil) }
    let base = Double(8 * dim / 3)
    // Rounded down to a whole number, then up to a multiple: anything just above the last multiple gives the width.
    let multiplier = (Double(wanted - multiple) + 1) / base
    return (
      multiple,
      width(dim: dim, multiple: multiple, multiplier: multiplier) == wanted
        ? multiplier : (Double(wanted) / base)
    )
  }
}
