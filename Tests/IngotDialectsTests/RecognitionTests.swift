// SPDX-License-Identifier: Apache-2.0
// Published names against roles, in both directions, and everything that validating reports at once.
import IngotCore
import IngotDialects
import IngotGraph
import Testing

@Suite struct RecognitionTests {
  private static let config = ModelConfig.gpt2(
    vocabularySize: 20, contextLength: 8, width: 4, blockCount: 2, headCount: 2)

  /// The kinds of linear weights, which publishers store either way round.
  private static let linearKinds = Set(
    Architecture.gpt2.graph(config).parameters.filter(\.isLinear).map(\.role.kind))

  private static func configuration(_ config: ModelConfig = config) throws -> ModelConfiguration {
    ModelConfiguration(
      architecture: try #require(Architecture.named("gpt2")), config: config, findings: [],
      path: "config.json")
  }

  /// The tensors of a sound model, by a dialect's names.
  private static func tensors(prefix: String, _ config: ModelConfig = config) -> [TensorDescriptor] {
    Architecture.gpt2.graph(config).parameters.compactMap { parameter in
      Dialect.all[0].name(of: parameter.role, prefix: NamePrefix(inner: prefix)).map {
        tensor($0, parameter.shape)
      }
    }
  }

  private static func tensor(_ name: String, _ shape: Shape, _ dtype: DType = .f32) -> TensorDescriptor {
    TensorDescriptor(
      name: name, dtype: dtype, shape: shape,
      storage: TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: shape.elementCount * 4)))
  }

  @Test(arguments: Dialect.all.indices)
  func `a dialect's names are read and written by the same table, and none stands for two`(
    _ index: Int
  ) throws {
    let dialect = Dialect.all[index]
    for prefix in dialect.allPrefixes {
      var seen = Set<String>()
      for role in dialect.roles(blockCount: 13, expertCount: 3) {
        let name = try #require(dialect.name(of: role, prefix: prefix))
        // Of two halves of one tensor both have its name.
        let layout = dialect.layout(of: role.kind)
        #expect(seen.insert(name).inserted == (layout?.isSecondHalf != true), "\(name)")
        let known = dialect.roles(of: name, prefix: prefix)
        #expect(known.contains(role) && known.count == (layout?.isHalf == true ? 2 : 1))
        #expect(dialect.role(of: name, prefix: prefix) == known.first)
        #expect(!dialect.isBuffer(name, prefix: prefix) && !dialect.isLeftover(name))
      }
    }
  }

  @Test(arguments: Dialect.all.indices)
  func `a dialect names every parameter but a head, each once, and turns linear weights only`(
    _ index: Int
  ) throws {
    let dialect = Dialect.all[index]
    let architecture = try #require(Architecture.named(dialect.architecture))
    let config = architecture.defaults.with(.blockCount, 1)
    let parameters = architecture.graph(config).parameters
    let named = Set(dialect.parameters.map(\.kind))
    #expect(dialect.parameters.count == named.count)
    // Every parameter of a plain model has a name, and none stands for nothing.
    #expect(named.isSuperset(of: parameters.map(\.role.kind)))
    let ofAllHeads = architecture.heads.flatMap { head in
      [true, false].flatMap { flag in
        // Biases are there where a config says so.
        let config = config.with(.attentionBias, flag).with(.feedForwardBias, flag)
        // OPT's tokens may be narrower than what passes through, and some blocks of a mixture have no experts.
        let ofWidth = config.with(.embeddingWidth, flag ? config.width : 8)
          .with(.plainBlocks, flag ? [0] : [])
        return architecture.graph(ofWidth.with(.head, head.id).with(.tiesHead, flag)).parameters
      }
    }
    #expect(named.subtracting(ofAllHeads.map(\.role.kind)).isEmpty)
    // One program multiplies all weights of blocks in one way.
    let linear = Set(parameters.filter { $0.isLinear && $0.role.block != nil }.map(\.role.kind))
    let turned = linear.map { dialect.layout(of: $0)?.isTransposed }
    let counts = [
      "bert": 6, "gpt2": 4, "openai-gpt": 4, "phi3": 4, "gpt_neox": 4, "opt": 6,
      "mixtral": 8, "qwen2_moe": 12, "qwen3_moe": 8, "gpt_oss": 8,
    ]
    #expect(Set(turned).count == 1 && turned.count == (counts[architecture.id] ?? 7))
    #expect(dialect.transposedKinds.isSubset(of: ofAllHeads.filter(\.isLinear).map(\.role.kind)))
  }

  @Test(arguments: [
    "", "module.", "_orig_mod.", "model.", "module._orig_mod.", "state_dict.module.",
    "state_dict.model._orig_mod.",
    "model_state_dict._orig_mod.module.",
  ])
  func `names wrapped by training code are known`(_ wrapper: String) throws {
    let tensors = Self.tensors(prefix: "transformer.").map { tensor in
      var tensor = tensor
      tensor.name = wrapper + tensor.name
      return tensor
    }
    let model = try RecognisedModel(
      tensors + [
        Self.tensor(wrapper + "lm_head.weight", [20, 4]), Self.tensor("optimizer.state.0.exp_avg", [4]),
      ],
      configuration: Self.configuration())
    #expect(model.prefix == NamePrefix(wrapper: wrapper, inner: "transformer."))
    #expect(model.tiedCopy == 28 && model.leftovers == [29] && model.unexpected.isEmpty)
  }

  @Test func `names that two publishers share are told apart by shapes that are never square`() throws {
    let nano = try #require(Dialect.named("nanogpt", architecture: "gpt2"))
    let tensors = Architecture.gpt2.build(Self.config, Self.linearKinds).parameters.compactMap { parameter in
      nano.name(of: parameter.role, prefix: nano.writtenPrefix).map { Self.tensor($0, parameter.shape) }
    }
    let model = try RecognisedModel(tensors, configuration: Self.configuration())
    #expect(model.dialect.id == "nanogpt" && model.structuralFindings(tensors).isEmpty)
    // Without biases all of them are zeros; with some, the rest is missing.
    let plain = tensors.filter { !$0.name.hasSuffix(".bias") }
    let bare = try RecognisedModel(plain, configuration: Self.configuration())
    #expect(bare.zeros.count == 13 && bare.structuralFindings(plain).isEmpty)
    let some = plain + tensors.filter { $0.name.hasSuffix("ln_f.bias") }
    let mixed = try RecognisedModel(some, configuration: Self.configuration())
    #expect(mixed.structuralFindings(some).count == 12)
  }

  @Test(arguments: ["transformer.", ""])
  func `recognises GPT-2 with and without its prefix`(_ prefix: String) throws {
    let tensors = Self.tensors(prefix: prefix)
    let model = try RecognisedModel(tensors, configuration: Self.configuration())
    #expect(model.prefix == NamePrefix(inner: prefix) && model.dialect.id == "hf")
    #expect(model.structuralFindings(tensors).isEmpty)
    #expect(model.tensors.count == 28)
  }

  @Test func `mask buffers are buffers, and a bias is none`() throws {
    let tensors =
      Self.tensors(prefix: "") + [
        Self.tensor("h.0.attn.bias", [1, 1, 8, 8], .u8), Self.tensor("h.1.attn.masked_bias", []),
      ]
    let model = try RecognisedModel(tensors, configuration: Self.configuration())
    #expect(model.buffers.map { tensors[$0].name } == ["h.0.attn.bias", "h.1.attn.masked_bias"])
    #expect(model.unexpected.isEmpty)
    #expect(model.tensors[TensorRole(.attentionInputBias, block: 0)] != nil)
  }

  @Test func `names under both prefixes are not mixed in silence`() throws {
    let tensors = Self.tensors(prefix: "transformer.") + [Self.tensor("h.0.ln_1.weight", [4])]
    let model = try RecognisedModel(tensors, configuration: Self.configuration())
    #expect(model.unexpected.map { tensors[$0].name } == ["h.0.ln_1.weight"])
  }

  @Test func `reports everything at once, in a stable order`() throws {
    var tensors = Self.tensors(prefix: "").filter { $0.name != "h.0.ln_2.bias" && !$0.name.hasPrefix("h.1.") }
    let index = try #require(tensors.firstIndex { $0.name == "h.0.mlp.c_fc.weight" })
    tensors[index] = Self.tensor("h.0.mlp.c_fc.weight", [4, 15])
    tensors.append(Self.tensor("scores.weight", [2, 4]))
    tensors[0].type.dtype = .i64
    let model = try RecognisedModel(tensors, configuration: Self.configuration())
    let findings = model.structuralFindings(tensors)
    let subjects = findings.map(\.subject)
    #expect(subjects.first == "n_layer" && findings.first?.kind == .configConflict)
    #expect(subjects.contains("h.0.ln_2.bias") && subjects.contains("h.1.attn.c_attn.weight"))
    #expect(subjects.last == "scores.weight")
    #expect(findings.count == 1 + 1 + 12 + 1 + 1 + 1)
    let shape = try #require(findings.first { $0.subject == "h.0.mlp.c_fc.weight" })
    #expect(
      shape.detail == "is \(Shape([4, 15])!), expected \(Shape([4, 16])!) (\(words: "n_embd × n_inner"))")
    #expect(shape.node == "h.0.mlp.c_fc")
    #expect(model.structuralFindings(tensors) == findings)
  }

  @Test func `a stored head is a copy when tied, and a parameter when not`() throws {
    let head = Self.tensor("lm_head.weight", [20, 4])
    let tied = try RecognisedModel(Self.tensors(prefix: "") + [head], configuration: Self.configuration())
    #expect(tied.tiedCopy == 28)
    var config = Self.config
    config.tiesHead = false
    let untied = try RecognisedModel(
      Self.tensors(prefix: "") + [head], configuration: Self.configuration(config))
    #expect(untied.tiedCopy == nil && untied.tensors[TensorRole(.head)] == 28)
  }

  @Test(
    arguments: [
      ("h.{block}.x", "h.3.x", 3), ("h.{block}.x", "h.03.x", nil), ("h.{block}.x", "h..x", nil),
      ("h.{block}.x", "h.-1.x", nil), ("h.{block}.x", "h.9999999.x", nil),
    ] as [(String, String, Int?)])
  func `a block number is written in one way`(_ pattern: String, _ name: String, _ block: Int?) {
    let match = NamePattern(stringLiteral: pattern).match(name[...].utf8)
    #expect(match == block.map { NamePattern.Match(block: $0) })
  }

  @Test func `what stands before all names is told, with what takes it away`() throws {
    let configuration = try Self.configuration()
    for (start, prefix) in [
      ("net.", ""), ("net.", "transformer."), ("a/b.", "transformer."), ("my_gpt-2.0.", ""),
    ] {
      let tensors = Self.tensors(prefix: start + prefix) + [Self.tensor("elsewhere", [1])]
      let error = #expect(throws: IngotError.self) {
        _ = try RecognisedModel(tensors, configuration: configuration)
      }
      guard case .unsuitable(_, _, let hint)? = error else { return #expect(Bool(false)) }
      #expect(hint?.pieces.first == .verb(.convert, .renames, "'\(start)*=*'"))
      // What has another start is not the model's.
      #expect(hint?.pieces.contains(.option(.include, "'\(start)*'")) == true)
      let whole = #expect(throws: IngotError.self) {
        _ = try RecognisedModel(tensors.dropLast(), configuration: configuration)
      }
      guard case .unsuitable(_, _, let short)? = whole else { return #expect(Bool(false)) }
      #expect(short?.pieces.contains(.option(.include, "'\(start)*'")) == false)
      // What the rule leaves is known.
      let renamed = tensors.map { tensor in
        tensor.name.hasPrefix(start)
          ? Self.tensor(String(tensor.name.dropFirst(start.count)), tensor.shape) : tensor
      }
      #expect(try RecognisedModel(renamed, configuration: configuration).unexpected == [tensors.count - 1])
    }
    for start in ["net", "net'; rm -rf ~ #.", "\u{1B}[2J.", "é.", String(repeating: "x", count: 200) + "."] {
      let error = #expect(throws: IngotError.self) {
        _ = try RecognisedModel(Self.tensors(prefix: start), configuration: configuration)
      }
      guard case .unsuitable(_, _, nil)? = error else { return #expect(Bool(false), "\(start)") }
    }
  }
}
