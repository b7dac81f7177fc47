// SPDX-License-Identifier: Apache-2.0
// The keys in which decoders differ from Llama: honoured, refused by rule and key, and written so that they say the same.
import IngotCore
import IngotDialects
import IngotGraph
import Testing

@Suite struct DecoderConfigTests {
  private static func read(_ id: String, _ keys: String) throws -> ModelConfiguration {
    let json = #"{"model_type": "\#(id)"\#(keys.isEmpty ? "" : ", ")\#(keys)}"#
    return try ConfigReader(Array(json.utf8), path: "config.json").read()
  }

  /// What is refused: the rule and the key.
  private static func refusal(_ id: String, _ keys: String) -> String? {
    do {
      _ = try read(id, keys)
      return nil
    } catch {
      guard case .malformed(let rule, let location, _, _)? = error as? IngotError else {
        return "another error"
      }
      return "\(rule.id) \(location.key ?? "")"
    }
  }

  // MARK: - Keys that are honoured

  @Test(arguments: [
    "smollm3", "gemma", "gemma2", "gemma3_text", "phi3", "gpt_neox", "opt", "mixtral", "qwen2_moe",
    "qwen3_moe", "gpt_oss",
  ])
  func `what is written is read as the same, and so is each spelling of a rotary embedding`(_ id: String)
    throws
  {
    let architecture = try #require(Architecture.named(id))
    var config = try Self.read(id, "").config
    if id != "opt" { config[.rotary].base = 5000 }
    if id == "gemma3_text" { config[.windowRotary].base = 70 }
    let document = ConfigWriter.document(config, of: architecture)
    let newer = document["rope_parameters"] == nil ? [] : ["rope_parameters"]
    let older = [
      "rope_theta", "rope_scaling", "rope_local_base_freq", "rotary_emb_base", "rotary_pct",
      "partial_rotary_factor",
    ]
    for missing in [[], newer, older] {
      var document = document
      for key in missing { document[key] = nil }
      #expect(try ConfigReader(document: document, path: "config.json").read().config == config, "\(missing)")
    }
  }

  @Test func `SmolLM3's layers that do not turn come by a period or a list`() throws {
    #expect(try Self.read("smollm3", "").config[.turningPeriod] == 4)
    let period = try Self.read("smollm3", #""no_rope_layer_interval": 3, "no_rope_layers": null"#).config
    #expect(period[.turningPeriod] == 3 && period[.turningBlocks].isEmpty)
    let list = try Self.read("smollm3", #""num_hidden_layers": 2, "no_rope_layers": [0, 1, 1, 0]"#).config
    // Of a list for more layers than there are the first ones count.
    #expect(list[.turningBlocks] == [false, true])
    let document = ConfigWriter.document(list, of: .smolLM3)
    #expect(document["no_rope_layers"] == .array([.int64(0), .int64(1)]))
    #expect(ConfigWriter.document(period, of: .smolLM3)["no_rope_layers"] == nil)
  }

  @Test func `of a bound of scores a missing key is the class's own, and null is none`() throws {
    let own = try Self.read("gemma2", "").config
    #expect(own[.attentionSoftcap] == 50 && own[.headSoftcap] == 30)
    let none = try Self.read("gemma2", #""attn_logit_softcapping": null, "final_logit_softcapping": null"#)
      .config
    #expect(none[.attentionSoftcap] == 0 && none[.headSoftcap] == 0)
    let document = ConfigWriter.document(none, of: .gemma2)
    #expect(document["attn_logit_softcapping"] == .null && document["final_logit_softcapping"] == .null)
    let stated = try Self.read("gemma2", #""attn_logit_softcapping": 7, "final_logit_softcapping": 2.5"#)
      .config
    #expect(stated[.attentionSoftcap] == 7 && stated[.headSoftcap] == 2.5)
    #expect(try Self.read("gemma3_text", "").config[.headSoftcap] == 0)
    #expect(try Self.read("gemma3_text", #""final_logit_softcapping": 30"#).config[.headSoftcap] == 30)
  }

  @Test(arguments: [("smollm3", 0), ("gemma2", 4096), ("gemma3_text", 4096), ("phi3", 0)])
  func `of a window a missing key is the class's own, and null is none`(_ id: String, _ own: Int) throws {
    #expect(try Self.read(id, "").config[.window] == own)
    #expect(try Self.read(id, #""sliding_window": null"#).config[.window] == 0)
    #expect(try Self.read(id, #""sliding_window": 9"#).config[.window] == 9)
  }

  @Test func `Gemma's first files call the tanh form gelu, and its later ones do not`() throws {
    let first = try Self.read("gemma", #""hidden_act": "gelu", "hidden_activation": "relu""#).config
    #expect(first.activation == .geluTanh)
    #expect(
      try Self.read("gemma2", #""hidden_act": "relu", "hidden_activation": "gelu""#).config.activation
        == .gelu)
    #expect(try Self.read("gemma3_text", #""hidden_act": "relu""#).config.activation == .geluTanh)
    #expect(ConfigWriter.document(first, of: .gemma)["hidden_act"] == .string("gelu_pytorch_tanh"))
  }

  @Test func `Gemma's numbers of heads are its own, whatever the width`() throws {
    let config = try Self.read(
      "gemma", #""hidden_size": 30, "num_attention_heads": 4, "num_key_value_heads": 1"#
    ).config
    #expect(config.headDimension == 256)
    let scalar = try Self.read("gemma3_text", #""query_pre_attn_scalar": 168.5"#).config
    #expect(scalar[.queryScalar] == 168.5)
    #expect(try Self.read("gemma2", "").config[.queryScalar] == 256)
  }

  @Test func `what all models of a family have stands in no key`() throws {
    for id in ["gemma", "gemma2", "gemma3_text"] {
      let config = try Self.read(id, "").config
      #expect(config[.normOffset] == 1 && config[.scalesEmbedding])
      #expect(
        config[.normalizesOutputs] == (id != "gemma") && config[.normalizesHeads] == (id == "gemma3_text"))
    }
    #expect(try Self.read("phi3", "").config[.fusesProjections])
    #expect(try Self.read("gemma2", "").config[.windowPeriod] == 2)
    #expect(try Self.read("gemma3_text", #""sliding_window_pattern": 3"#).config[.windowPeriod] == 3)
    // transformers looks at one of the two names.
    #expect(try Self.read("gemma3_text", #""_sliding_window_pattern": 3"#).config[.windowPeriod] == 6)
  }

  @Test func `GPT-NeoX's and OPT's switches are honoured`() throws {
    let neoX = try Self.read("gpt_neox", #""use_parallel_residual": false, "attention_bias": false"#).config
    #expect(!neoX[.isParallel] && !neoX[.attentionBias])
    #expect(neoX[.rotary] == RotaryParameters(base: 10_000, share: 0.25))
    let opt = try Self.read(
      "opt",
      #""hidden_size": 24, "do_layer_norm_before": false, "_remove_final_layer_norm": true, "enable_bias": false"#
    ).config
    #expect(!opt[.normsFirst] && opt[.lacksFinalNorm] && !opt[.attentionBias] && opt[.embeddingWidth] == 24)
    #expect(opt.tiesHead && opt.activation == .relu)
    #expect(try Self.read("opt", #""word_embed_proj_dim": 16"#).config[.embeddingWidth] == 16)
    #expect(try Self.read("opt", #""word_embed_proj_dim": null"#).config[.embeddingWidth] == 768)
  }

  // MARK: - Rotary embeddings

  private static let gemma3Older =
    #""rope_theta": 5000, "rope_local_base_freq": 50, "rope_scaling": {"rope_type": "linear", "factor": 8}"#
  private static let gemma3Newer =
    #""rope_parameters": {"full_attention": {"rope_theta": 5000.0, "rope_type": "linear", "factor": 8.0}, "sliding_attention": {"rope_theta": 50.0, "rope_type": "default"}}"#

  @Test(arguments: [gemma3Older, gemma3Newer, gemma3Older + ", " + gemma3Newer])
  func `Gemma 3 has an embedding for each kind of layer, in both spellings`(_ keys: String) throws {
    let config = try Self.read("gemma3_text", keys).config
    #expect(config[.rotary] == RotaryParameters(base: 5000, scaling: .linear(factor: 8)))
    #expect(config[.windowRotary] == RotaryParameters(base: 50))
  }

  @Test(arguments: [
    (#""rope_theta": 5001"#, "CF-05 rope_parameters.full_attention.rope_theta"),
    (#""rope_local_base_freq": 51"#, "CF-05 rope_parameters.sliding_attention.rope_theta"),
    (#""rope_scaling": {"rope_type": "linear", "factor": 4}"#, "CF-05 rope_scaling"),
    (#""rope_scaling": {"rope_type": "dynamic", "factor": 8}"#, "CF-05 rope_scaling"),
  ])
  func `a spelling that says another thing of either is refused`(_ older: String, _ refusal: String) {
    #expect(Self.refusal("gemma3_text", older + ", " + Self.gemma3Newer) == refusal)
  }

  @Test func `of layers of one kind alone the other's embedding is the class's own`() throws {
    let whole = #""rope_parameters": {"full_attention": {"rope_theta": 7, "rope_type": "default"}}"#
    let config = try Self.read("gemma3_text", whole).config
    #expect(config[.rotary].base == 7 && config[.windowRotary].base == 10_000)
    let none = try Self.read("gemma3_text", "").config
    #expect(none[.rotary].base == 1_000_000 && none[.windowRotary].base == 10_000)
  }

  @Test(arguments: ["su", "yarn", "longrope"])
  func `Phi-3's lists of divisors have three names`(_ name: String) throws {
    let keys =
      #""hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 64, "#
      + #""original_max_position_embeddings": 16, "#
      + #""rope_scaling": {"type": "\#(name)", "short_factor": [1, 1, 1, 1], "long_factor": [1, 2, 3, 4]}"#
    let config = try Self.read("phi3", keys).config
    let expected = LongropeScaling(short: [1, 1, 1, 1], long: [1, 2, 3, 4], original: 16)
    #expect(config[.rotary].scaling == .longrope(expected))
    let document = ConfigWriter.document(config, of: .phi3)
    #expect(document["original_max_position_embeddings"] == .int64(16))
    guard case .object(let scaling)? = document["rope_scaling"] else {
      Issue.record("no scaling")
      return
    }
    #expect(scaling.string("rope_type") == "longrope")
  }

  @Test(arguments: [
    (#""partial_rotary_factor": 0.75"#, 0.75), (#""rope_parameters": {"partial_rotary_factor": 0.5}"#, 0.5),
    (#""partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.5}"#, 0.5), ("", 1),
  ])
  func `Phi-3's share of a head stands beside the embedding or in it`(_ keys: String, _ share: Double) throws
  {
    let config = try Self.read("phi3", keys).config
    #expect(config[.rotary].share == share)
    #expect(config.rotarySchedule.pairCount == Int(96 * share) / 2)
  }

  @Test(arguments: [
    (#""rotary_pct": 0.5, "rotary_emb_base": 7"#, 0.5, 7.0),
    (#""partial_rotary_factor": 0.5, "rope_theta": 7"#, 0.5, 7),
    (#""rotary_pct": 0.5, "partial_rotary_factor": 0.5, "rotary_emb_base": 7, "rope_theta": 7.0"#, 0.5, 7),
    (#""rope_parameters": {"rope_theta": 7, "partial_rotary_factor": 0.5}"#, 0.5, 7), ("", 0.25, 10_000),
  ])
  func `GPT-NeoX has older names for both`(_ keys: String, _ share: Double, _ base: Double) throws {
    #expect(try Self.read("gpt_neox", keys).config[.rotary] == RotaryParameters(base: base, share: share))
  }

  @Test func `a share makes as many numbers as transformers takes, rounded down`() {
    for (share, head, count) in [(0.25, 96, 24), (0.65, 8, 5), (0.3, 10, 3), (1, 7, 7), (0.99, 4, 3)] {
      #expect(RotaryParameters(base: 1, share: share).turnedCount(of: head) == count, "\(share) of \(head)")
    }
  }

  // MARK: - What is refused

  @Test(arguments: [
    ("smollm3", #""no_rope_layers": 1"#, "CF-03 no_rope_layers"),
    ("smollm3", #""num_hidden_layers": 2, "no_rope_layers": ["x", 1]"#, "CF-03 no_rope_layers"),
    ("smollm3", #""num_hidden_layers": 3, "no_rope_layers": [1, 1]"#, "CF-06 no_rope_layers"),
    ("smollm3", #""no_rope_layer_interval": 0"#, "CF-04 no_rope_layer_interval"),
    ("smollm3", #""sliding_window": 0"#, "CF-04 sliding_window"),
    ("smollm3", #""attn_logit_softcapping": 50"#, "CF-08 attn_logit_softcapping"),
    ("smollm3", #""layer_types": ["full_attention"]"#, "CF-06 layer_types"),
    ("smollm3", #""layer_types": ["chunked_attention"]"#, "CF-08 layer_types"),
    ("gemma", #""final_logit_softcapping": 30"#, "CF-08 final_logit_softcapping"),
    ("gemma", #""hidden_act": "gelu_10""#, "CF-07 hidden_act"),
    ("gemma", #""use_bidirectional_attention": true"#, "CF-08 use_bidirectional_attention"),
    ("llama", #""num_hidden_layers": 2, "layer_types": ["full_attention"]"#, "CF-06 layer_types"),
    (
      "phi3", #""num_hidden_layers": 1, "layer_types": ["full_attention", "full_attention"]"#,
      "CF-06 layer_types"
    ),
    ("llama", #""architectures": "LlamaForCausalLM""#, "CF-03 architectures"),
    ("qwen2", #""architectures": [null]"#, "CF-03 architectures"),
    ("gemma2", #""attn_logit_softcapping": 0"#, "CF-04 attn_logit_softcapping"),
    ("gemma2", #""final_logit_softcapping": "30""#, "CF-03 final_logit_softcapping"),
    ("gemma2", #""query_pre_attn_scalar": 0"#, "CF-04 query_pre_attn_scalar"),
    ("gemma2", #""query_pre_attn_scalar": -1.5"#, "CF-04 query_pre_attn_scalar"),
    ("gemma3_text", #""attn_logit_softcapping": 50"#, "CF-08 attn_logit_softcapping"),
    ("gemma3_text", #""sliding_window_pattern": 0"#, "CF-04 sliding_window_pattern"),
    (
      "gemma3_text", #""rope_parameters": {"rope_theta": 5000, "rope_type": "default"}"#,
      "CF-08 rope_parameters.rope_theta"
    ),
    ("gemma3_text", #""rope_scaling": {"type": "linear", "factor": 8}"#, "CF-08 rope_scaling.type"),
    ("gemma3_text", #""partial_rotary_factor": 0.5"#, "CF-08 partial_rotary_factor"),
    (
      "gemma2", #""rope_parameters": {"full_attention": {"rope_type": "default"}}"#,
      "CF-08 rope_parameters.full_attention"
    ),
    ("phi3", #""attention_bias": true"#, "CF-08 attention_bias"),
    ("phi3", #""mlp_bias": true"#, "CF-08 mlp_bias"),
    ("phi3", #""layer_types": ["sliding_attention"]"#, "CF-08 layer_types"),
    ("phi3", #""partial_rotary_factor": 1.5"#, "CF-04 partial_rotary_factor"),
    ("phi3", #""partial_rotary_factor": 0"#, "CF-04 partial_rotary_factor"),
    ("phi3", #""partial_rotary_factor": 0.33"#, "CF-06 partial_rotary_factor"),
    ("phi3", #""partial_rotary_factor": 0.001"#, "CF-06 partial_rotary_factor"),
    (
      "phi3", #""partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.75}"#,
      "CF-05 rope_parameters.partial_rotary_factor"
    ),
    (
      "phi3",
      #""rope_scaling": {"type": "su", "short_factor": [1], "long_factor": [1], "original_max_position_embeddings": 16}"#,
      "CF-05 rope_scaling.original_max_position_embeddings"
    ),
    (
      "phi3", #""rope_scaling": {"type": "su", "short_factor": [1], "long_factor": [1]}"#,
      "CF-06 rope_parameters.short_factor"
    ),
    ("gpt_neox", #""head_dim": 64"#, "CF-08 head_dim"),
    ("gpt_neox", #""hidden_size": 10, "num_attention_heads": 3"#, "CF-06 num_attention_heads"),
    ("gpt_neox", #""rotary_pct": 0.5, "partial_rotary_factor": 0.25"#, "CF-05 partial_rotary_factor"),
    ("gpt_neox", #""rotary_emb_base": 7, "rope_theta": 8"#, "CF-05 rope_theta"),
    (
      "gpt_neox", #""rotary_pct": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25}"#,
      "CF-05 rope_parameters.partial_rotary_factor"
    ),
    ("gpt_neox", #""use_parallel_residual": 1"#, "CF-03 use_parallel_residual"),
    ("opt", #""layer_norm_elementwise_affine": false"#, "CF-08 layer_norm_elementwise_affine"),
    ("opt", #""word_embed_proj_dim": 0"#, "CF-04 word_embed_proj_dim"),
    ("opt", #""hidden_size": 10, "num_attention_heads": 3"#, "CF-06 num_attention_heads"),
    ("opt", #""activation_function": "swiglu""#, "CF-07 activation_function"),
  ])
  func `is refused by its rule and key`(_ id: String, _ keys: String, _ refusal: String) {
    #expect(Self.refusal(id, keys) == refusal)
  }

  @Test(arguments: [
    ("smollm3", #""max_window_layers": 28, "layer_types": null"#),
    ("gemma3_text", #""attn_logit_softcapping": null, "cache_implementation": "hybrid""#),
    ("gemma3_text", #""rope_scaling": {"type": "default"}"#),
    ("phi3", #""attention_bias": false, "layer_types": ["full_attention", "full_attention"]"#),
    ("gpt_neox", #""head_dim": null, "classifier_dropout": 0.1, "is_decoder": false"#),
    ("opt", #""dropout": 0.1, "layerdrop": 0.0, "prefix": "</s>", "word_embed_proj_dim": 768"#),
  ])
  func `says nothing else than the family's own, and may stand there`(_ id: String, _ keys: String) throws {
    let configuration = try Self.read(id, keys)
    #expect(try configuration.config == Self.read(id, "").config && configuration.findings.isEmpty)
  }
}

@Suite struct CompositeConfigTests {
  private static func read(_ json: String) throws -> ModelConfiguration {
    try ConfigReader(Array(json.utf8), path: "config.json").read()
  }

  @Test func `of a model that takes images too the part for text is read, and the rest is named`() throws {
    let configuration = try Self.read(
      #"{"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": {"model_type": "gemma3_text", "hidden_size": 24}, "vision_config": {"hidden_size": 8}, "mm_tokens_per_image": 4, "pad_token_id": 3, "eos_token_id": [1, 2]}"#
    )
    #expect(configuration.architecture.id == "gemma3_text" && configuration.config.width == 24)
    #expect(configuration.leftOut == ["vision_config", "mm_tokens_per_image"])
    #expect(configuration.document["vision_config"] == nil)
    // Ids of marks stand at the whole's.
    #expect(configuration.document["pad_token_id"] == .int64(3))
    #expect(configuration.document["eos_token_id"] == .array([.int64(1), .int64(2)]))
    #expect(configuration.config[.head] == "language")
  }

  @Test func `a model of which none has a tensor is told of as it is`() throws {
    let part = #""model_type": "llama""#
    for (json, words) in [
      ("{\(part)}", "is a Llama config"),
      (#"{"model_type": "llava", "vision_config": {}, "text_config": {\#(part)}}"#, "for its language model"),
    ] {
      let configuration = try Self.read(json)
      #expect {
        _ = try RecognisedModel([], configuration: configuration)
      } throws: {
        guard case .unsuitable(_, let why, _)? = $0 as? IngotError else { return false }
        return "\(why)".contains(words)
      }
    }
  }

  @Test func `a part that names no architecture has the whole's`() throws {
    let gemma = try Self.read(#"{"model_type": "gemma3", "text_config": {}}"#)
    #expect(gemma.architecture.id == "gemma3_text")
    let mistral = try Self.read(#"{"model_type": "mistral3", "text_config": {"hidden_size": 64}}"#)
    #expect(mistral.architecture.id == "mistral" && mistral.config.width == 64)
    #expect(throws: IngotError.self) { try Self.read(#"{"model_type": "llava_next", "text_config": {}}"#) }
  }

  @Test func `a tie that both say has to be one`() throws {
    func tie(_ outer: String, _ inner: String) throws -> Bool {
      try Self.read(#"{"model_type": "gemma3", "text_config": {\#(inner)}\#(outer)}"#).config.tiesHead
    }
    let (yes, no) = (#""tie_word_embeddings": true"#, #""tie_word_embeddings": false"#)
    #expect(try tie("", "") && tie("", yes) && !tie("", no))
    #expect(try !tie(", " + no, "") && !tie(", " + no, no) && tie(", " + yes, yes))
    #expect {
      try tie(", " + no, yes)
    } throws: {
      guard case .malformed(let rule, let location, _, _)? = $0 as? IngotError else { return false }
      return rule.id == "CF-05" && location.key == "text_config.tie_word_embeddings"
    }
  }

  @Test func `a language model's own config may have such a key, which means nothing there`() throws {
    let configuration = try Self.read(#"{"model_type": "llama", "text_config": {"hidden_size": 7}}"#)
    #expect(configuration.config.width == 4096 && configuration.leftOut.isEmpty)
    #expect(configuration.findings.map(\.subject) == ["text_config"])
  }
}
