// SPDX-License-Identifier: Apache-2.0
// Models of every architecture and head through the verbs: validated, converted there and back, quantized, compared.
import IngotDialects
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct FamilyTests {
  private static let models = Fixture.models.filter { !$0.hasPrefix("models/") }
  private static let families = ["mixtral/", "qwen2_moe/", "qwen3_moe/", "gpt_oss/"]
  /// Models whose tokens choose among experts, which rounded scores may change.
  private static let mixtures = models.filter { name in families.contains { name.hasPrefix($0) } }
  private static let others = models.filter { !mixtures.contains($0) }

  private static func digests(_ path: String) throws -> [String: String] {
    Dictionary(uniqueKeysWithValues: try Ingot.hash(path).tensors.map { ($0.name, $0.sha256) })
  }

  @Test(arguments: models)
  func `a model of another head or architecture is valid`(_ model: String) throws {
    let report = try Ingot.validate(Fixture.path(model))
    #expect(report.isValid, "\(report.findings)")
  }

  @Test(arguments: mixtures)
  func `experts that are tensors each are quantized, and stacks of them refused`(_ model: String) throws {
    let folder = try TemporaryFolder()
    let (source, target) = (Fixture.path(model), folder.file("q/"))
    let known = try Model(source).recognised
    let isStacked = known.dialect.layout(of: .expertGateWeight)?.isStackedByExpert == true
    guard !isStacked || known.configuration.config[.expertCount] == 0 else {
      let error = #expect(throws: IngotError.self) { try Ingot.quantize(source, to: target) }
      let said = "\(String(describing: error))"
      let isTakenApart = known.configuration.architecture.id != "gpt_oss"
      let why = model.hasSuffix("mxfp4") ? "scales in tensors of their own" : "more than one parameter"
      #expect(said.contains(why) && said.contains("takes them apart") == isTakenApart, "\(said)")
      #expect(folder.entries().isEmpty)
      return
    }
    let names = try Ingot.quantize(source, to: target).tensors.map(\.name)
    // Of what chooses experts none.
    #expect(names.count > 4 && !names.contains { $0.hasSuffix("gate.weight") })
    var options = VerifyOptions()
    options.against = source
    options.tolerance = 0.5
    let verification = try Ingot.verify(target, options: options)
    #expect(verification.passed && verification.outputs.contains { $0.maxRel > 0 })
  }

  @Test func `experts in one tensor are compared with experts each by itself`() throws {
    let folder = try TemporaryFolder()
    let merged = Fixture.path("qwen3_moe/saved-keys")
    var options = ConvertOptions()
    options.dialect = "hf"
    _ = try Ingot.convert(merged, to: folder.file("apart/"), options: options)
    #expect(try Ingot.hash(merged).model != Ingot.hash(folder.file("apart")).model)
    let report = try Ingot.diff(merged, folder.file("apart"))
    #expect(report.isEqual && report.equalCount > 4)
  }

  @Test(arguments: others)
  func `it quantizes to int8, and still computes nearly the same`(_ model: String) throws {
    let folder = try TemporaryFolder()
    let report = try Ingot.quantize(Fixture.path(model), to: folder.file("q/"))
    #expect(report.tensors.count > 4)
    var options = VerifyOptions()
    options.against = Fixture.path(model)
    options.tolerance = 0.5
    let verification = try Ingot.verify(folder.file("q/"), options: options)
    #expect(verification.passed && verification.outputs.contains { $0.maxRel > 0 })
  }

  @Test(arguments: ["pre-training", "masked-lm", "next-sentence", "bare", "sequence-classification"])
  func `BERT goes to Google's names and back`(_ model: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("bert/" + model)
    let there = try IngotProgram.run("convert", source, folder.file("there/"), "--for", "google")
    #expect(there.exitCode == 0, "\(there.standardError)")
    let back = try IngotProgram.run(
      "convert", folder.file("there/"), folder.file("back/"), "--for", "transformers")
    #expect(back.exitCode == 0, "\(back.standardError)")
    let stored = try Self.digests(source)
    let prefix = stored.keys.contains { $0.hasPrefix("bert.") } ? "" : "bert."
    let expected = stored.map { ($0.key.hasPrefix("classifier") ? $0.key : prefix + $0.key, $0.value) }
    #expect(try Self.digests(folder.file("back/")) == Dictionary(uniqueKeysWithValues: expected))
    #expect(try Ingot.validate(folder.file("there/")).isValid)
  }

  @Test(arguments: [("bert", 30), ("bert-classifier", 25)])
  func `Google's own files are valid, and equal to what was made of the same weights`(
    _ name: String, _ count: Int
  ) throws {
    let report = try Ingot.validate(Fixture.path("published/" + name))
    #expect(report.isValid && report.model?.recognised.tensors.count == count)
    #expect(report.model?.recognised.dialect.id == "google")
  }

  @Test func `a head that a dialect has no name for is refused by the tensor's name`() throws {
    let folder = try TemporaryFolder()
    let run = try IngotProgram.run(
      "convert", Fixture.path("gpt2-heads/sequence-classification"), folder.file("out/"), "--for", "mlx")
    #expect(run.exitCode == 65 && run.firstErrorLine.contains("score.weight"), "\(run.standardError)")
    #expect(folder.entries() == [])
  }

  @Test(arguments: ["bert/bare", "gpt2-heads/sequence-classification"])
  func `what predicts no next token generates and evaluates none`(_ model: String) throws {
    for verb in ["generate", "eval"] {
      let run = try IngotProgram.run(verb, Fixture.path(model), "--tokens", "1,2")
      #expect(run.exitCode == 65 && run.firstErrorLine.contains("does not predict the next token"))
    }
  }

  @Test(arguments: [
    (#"{"model_type": "bert", "position_embedding_type": "relative_key"}"#, "position_embedding_type"),
    (#"{"model_type": "bert", "is_decoder": true}"#, "is_decoder"),
    (#"{"model_type": "gpt2", "add_cross_attention": true}"#, "add_cross_attention"),
    (
      #"{"model_type": "gpt2", "architectures": ["GPT2DoubleHeadsModel"], "summary_type": "mean"}"#,
      "summary_type"
    ),
    (#"{"model_type": "openai-gpt", "afn": "gelu_new"}"#, "afn"),
    (#"{"model_type": "openai-gpt", "n_embd": 10, "n_head": 3}"#, "n_head"),
  ])
  func `what is not built is refused by the key`(_ config: String, _ key: String) {
    #expect {
      try ConfigReader(Array(config.utf8), path: "config.json").read()
    } throws: {
      guard case .malformed(_, let location, _, _)? = $0 as? IngotError else { return false }
      return location.key == key
    }
  }

  @Test(arguments: ["openai-gpt/language-model", "openai-gpt/double-heads", "bert/pre-training", "bert/bare"])
  func `an untrained model of a config is valid, and has the config's head`(_ model: String) throws {
    let folder = try TemporaryFolder()
    let config = Fixture.path(model + "/config.json")
    let architecture = model.hasPrefix("bert") ? "bert" : "openai-gpt"
    let run = try IngotProgram.run("init", architecture, folder.file("new/"), "--config", config)
    #expect(run.exitCode == 0, "\(run.standardError)")
    let report = try Ingot.validate(folder.file("new/"))
    #expect(report.isValid, "\(report.findings)")
    let recognised = try #require(try Ingot.validate(Fixture.path(model)).model).recognised
    #expect(report.model?.recognised.graph.parameterCount == recognised.graph.parameterCount)
  }
}
