// SPDX-License-Identifier: Apache-2.0
// Configs key by key: honoured, refused, or reported.
import IngotCore
import IngotDialects
import IngotGraph
import Testing

@Suite struct ConfigTests {
  private static func read(_ json: String) throws -> ModelConfiguration {
    try ConfigReader(Array(json.utf8), path: "config.json").read()
  }

  @Test func `what is not said is as in transformers`() throws {
    let config = try Self.read(#"{"model_type": "gpt2"}"#).config
    #expect(config == ModelConfig.gpt2())
    #expect(
      config.feedForwardWidth == 3072 && config.layerNormEpsilon == 1e-5 && config.activation == .geluTanh)
  }

  @Test func `every key that changes the arithmetic is honoured`() throws {
    let config = try Self.read(
      """
      {"model_type": "gpt2", "vocab_size": 61, "n_positions": 24, "n_embd": 15, "n_layer": 3, "n_head": 3, "n_inner": 40,
       "activation_function": "quick_gelu", "layer_norm_epsilon": 0.001, "scale_attn_weights": false,
       "scale_attn_by_inverse_layer_idx": true, "tie_word_embeddings": false, "reorder_and_upcast_attn": true}
      """
    ).config
    #expect(
      config
        == ModelConfig.gpt2(
          vocabularySize: 61, contextLength: 24, width: 15, blockCount: 3, headCount: 3, feedForwardWidth: 40,
          layerNormEpsilon: 0.001, activation: .quickGELU, scalesAttention: false,
          scalesAttentionByBlock: true,
          tiesHead: false))
  }

  @Test func `other spellings of a key are read, and OpenAI's hparams too`() throws {
    let names = try Self.read(
      #"{"model_type": "gpt2", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "max_position_embeddings": 9}"#
    ).config
    #expect(names.width == 8 && names.headCount == 2 && names.blockCount == 1 && names.contextLength == 9)
    let openAI = try Self.read(
      #"{"n_vocab": 50257, "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12}"#)
    #expect(openAI.config == ModelConfig.gpt2())
  }

  @Test func `a key that nobody knows is reported, and null is as absent`() throws {
    let configuration = try Self.read(#"{"model_type": "gpt2", "rotary_dim": 4, "n_inner": null}"#)
    #expect(configuration.findings.map(\.subject) == ["rotary_dim"])
    #expect(configuration.findings.map(\.kind) == [.unknown])
    #expect(configuration.config.feedForwardWidth == 3072)
  }

  /// Each key was looked for among those before it: 16 seconds for 20,000, which now are some hundredths of one.
  @Test func `many keys that nobody knows are kept in their order, in no time`() throws {
    let keys = (0..<40_000).map { "key\($0)" }
    let others = keys.map { Metadata.Entry(key: $0, value: .bool(true)) }
    let form = try #require(ConfigForm.all.first { $0.keeping != nil })
    let start = ContinuousClock.now
    let document = ConfigWriter.document(ModelConfig.gpt2(), of: .gpt2, keeping: Metadata(others))
    let (own, _) = form.own(ModelConfig.gpt2(), of: .gpt2, document: document)
    let back = form.document(from: own, architecture: "gpt2")
    #expect((ContinuousClock.now - start) / .seconds(1) < 20)
    for result in [document, back] {
      #expect(result.entries.map(\.key).filter { $0.hasPrefix("key") } == keys)
      #expect(Set(result.entries.map(\.key)).count == result.entries.count)
    }
  }

  @Test func `another architecture is refused by name`() {
    #expect(throws: IngotError.self) { try Self.read(#"{"model_type": "mamba"}"#) }
  }

  @Test(arguments: ConfigForm.all.map(\.dialect))
  func `goes to every program's spelling and back`(_ id: String) throws {
    let form = try #require(ConfigForm.all.first { $0.dialect == id })
    let configuration = try Self.read(
      #"{"model_type": "gpt2", "vocab_size": 61, "n_ctx": 24, "n_embd": 16, "n_layer": 3, "n_head": 4, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05, "_name_or_path": "small", "summary_type": "cls_index", "rotary_dim": 4}"#
    )
    var config = configuration.config
    if id == "nanogpt" { config[.activation] = .gelu }
    let (own, rest) = form.own(config, of: .gpt2, document: configuration.document)
    let document = form.document(from: own, architecture: "gpt2")
    #expect(try ConfigReader(document: document, path: id).read().config == config)
    // What a program has no spelling for is kept where its container takes any key, else it is told.
    let kept = ["summary_type", "rotary_dim"].filter { document[$0] != nil }
    let told = ["summary_type", "rotary_dim"].filter { rest[$0] != nil }
    #expect(kept.count + told.count == 2 && kept.isEmpty == (form.keeping == nil))
  }
}
