// SPDX-License-Identifier: Apache-2.0
// BERT in llama.cpp's GGUF: names by gguf-py's table, what its program can't compute, and what becomes of heads, labels,
// pooling and tokenizer. That its embeddings are the same is Tests/Peers/test_bert.py's to show.
import Foundation
import IngotCore
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct BERTInGGUFTests {
  /// Models whose every parameter has a place.
  private static let whole = [
    "bare", "bare-prefixed", "heads-of-5", "one-token", "sequence-classification", "without-pooler",
  ]
  /// Models whose head llama.cpp does not compute.
  private static let headless = ["masked-lm", "masked-lm-untied", "next-sentence", "pre-training"]

  private static func convert(
    _ input: String, to output: String, _ program: TargetProgram = .llamaCpp,
    _ set: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> ConversionReport {
    var options = ConvertOptions()
    set(&options)
    options.program = program
    return try Ingot.convert(input, to: output, options: options)
  }

  private static func model(_ name: String) -> String { Fixture.path("bert/\(name)") }

  /// A copy of a fixture with other files beside it.
  private static func copy(_ name: String, _ files: [String: String], in folder: TemporaryFolder) throws
    -> String
  {
    for file in ["config.json", "model.safetensors"] {
      _ = try folder.write(Fixture.bytes("bert/\(name)/\(file)"), to: file)
    }
    for (file, text) in files { _ = try folder.write(Array(text.utf8), to: file) }
    return folder.path
  }

  private static func keys(_ path: String) throws -> Metadata { try Model(path).checkpoint.metadata }

  @Test(arguments: whole) func `goes there and back whole`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.model(name), to: folder.file("model.gguf"))
    #expect(!report.losses.contains { $0.kind == .dropped || $0.kind == .metadata })
    let digests = try DialectTests.digests(Self.model(name), as: "hf")
    #expect(try DialectTests.digests(folder.file("model.gguf"), as: "hf") == digests)
    let config = try Model(Self.model(name)).recognised.configuration.config
    #expect(try Model(folder.file("model.gguf")).recognised.configuration.config == config)
    _ = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    #expect(try DialectTests.digests(folder.file("back"), as: "hf") == digests)
    #expect(try Model(folder.file("back")).recognised.configuration.config == config)
  }

  @Test(arguments: whole) func `names are those of llama.cpp's own table`(_ name: String) throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.model(name), to: folder.file("model.gguf"))
    let code = """
      import sys, gguf
      from safetensors.numpy import load_file
      ours = {t.name: t.data for t in gguf.GGUFReader(sys.argv[1]).tensors}
      theirs = load_file(sys.argv[2])
      blocks = 1 + max(int(name.split(".encoder.layer.")[-1].split("encoder.layer.")[-1].split(".")[0])
                       for name in theirs if "encoder.layer." in name)
      table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, blocks)
      for name, value in theirs.items():
          name = name.removeprefix("bert.")
          # Its converter has no line for the pooler; llama-graph.cpp computes it as the classifier's first layer, and
          # the converter itself calls a classifier behind one `classifier.out_proj`.
          name = name.replace("pooler.dense", "classifier.dense") if "pooler" in name else (
              name.replace("classifier", "classifier.out_proj"))
          assert (ours.pop(table.get_name(name, (".weight", ".bias"))) == value).all(), name
      assert not ours, ours
      """
    _ = try PythonPeer.run(code: code, [folder.file("model.gguf"), Self.model(name) + "/model.safetensors"])
  }

  @Test(arguments: headless) func `a head that its program does not compute is left out, and said`(
    _ name: String
  ) throws {
    let folder = try TemporaryFolder()
    let report = try Self.convert(Self.model(name), to: folder.file("model.gguf"))
    let source = try Model(Self.model(name))
    let left = source.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("cls.") }
    #expect(Set(report.losses.filter { $0.kind == .dropped }.compactMap(\.tensor)) == Set(left))
    let model = try Model(folder.file("model.gguf"))
    #expect(model.recognised.configuration.config[.head] == "bare")
    #expect(try Ingot.validate(folder.file("model.gguf")).isValid)
    // All else is what it was.
    let kept = Set(try DialectTests.digests(folder.file("model.gguf"), as: "hf"))
    #expect(kept.isSubset(of: try DialectTests.digests(Self.model(name), as: "hf")))
  }

  @Test(arguments: [
    ("activation-gelu_new", "hidden_act"), ("activation-relu", "hidden_act"),
    ("activation-silu", "hidden_act"),
    ("token-classification", "architectures"),
  ])
  func `what its program can't compute is refused by the key`(_ name: String, _ key: String) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: IngotError.self) {
      try Self.convert(Self.model(name), to: folder.file("model.gguf"))
    }
    guard case .unrepresentable(_, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".hasPrefix("\(key) is "))
    #expect(folder.entries().isEmpty)
  }

  @Test func `that its program computes another GELU is said`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.convert(Self.model("bare"), to: folder.file("model.gguf")).losses
    let said = losses.filter { $0.kind == .readers }.map { "\($0.detail)" }
    #expect(said.count == 2 && said[0].hasPrefix("hidden_act: "))
    #expect(said[1].hasPrefix("the file has no tokenizer"))
  }

  @Test func `a causal file is refused by the key`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.model("bare"), to: folder.file("model.gguf"))
    let result = try IngotProgram.run(
      "edit", folder.file("model.gguf"), "--set", "bert.attention.causal=true")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let error = #expect(throws: IngotError.self) { try Model(folder.file("model.gguf")) }
    #expect("\(String(describing: error))".contains("is_decoder"))
  }

  @Test func `classes keep their names, and are counted where they have none`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.model("sequence-classification"), to: folder.file("model.gguf"))
    #expect(
      try Self.keys(folder.file("model.gguf"))["bert.classifier.output_labels"]?.elements?.compactMap(\.text)
        == ["no", "maybe", "yes"])
    // llama.cpp has a way of pooling for classifiers.
    #expect(try Self.keys(folder.file("model.gguf"))["bert.pooling_type"]?.integer == 4)
    // Another program's file has the labels and no config of ours.
    let result = try IngotProgram.run(
      "edit", folder.file("model.gguf"), "--remove", "ingot.config")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let back = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    #expect(!back.losses.contains { $0.kind == .metadata })
    let config = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: folder.file("back/config.json"))))
        as? [String: Any])
    #expect(config["id2label"] as? [String: String] == ["0": "no", "1": "maybe", "2": "yes"])
    #expect(config["architectures"] as? [String] == ["BertForSequenceClassification"])
  }

  @Test(arguments: [
    (#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#, 1 as Int?),
    (#"{"pooling_mode_cls_token": true}"#, 2), (#"{"pooling_mode_lasttoken": true}"#, 3),
    (#"{"pooling_mode_max_tokens": true}"#, nil), ("[]", nil),
    (#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#, nil),
  ])
  func `how states are pooled is taken from the file of sentence-transformers`(_ text: String, _ number: Int?)
    throws
  {
    let folder = try TemporaryFolder()
    let source = try TemporaryFolder()
    let model = try Self.copy("bare", ["1_Pooling/config.json": text], in: source)
    let report = try Self.convert(model, to: folder.file("model.gguf"))
    #expect(try Self.keys(folder.file("model.gguf"))["bert.pooling_type"]?.integer == number)
    // What llama.cpp has no way for stays behind, and is named.
    let isNamed = report.losses.contains {
      $0.kind == .companion && $0.detail.pieces.contains(.value("1_Pooling/config.json"))
    }
    #expect(isNamed == (number == nil))
    let back = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    #expect(back.losses.contains { "\($0.detail)".hasPrefix("\"bert.pooling_type\"") } == (number != nil))
  }

  @Test(arguments: ["uncased", "cased"])
  func `the tokenizer goes along, and comes back`(_ name: String) throws {
    let (folder, source) = (try TemporaryFolder(), try TemporaryFolder())
    let text = { (file: String) in
      String(decoding: try Fixture.bytes("wordpiece/\(name)/\(file)"), as: UTF8.self)
    }
    // A model with a row for each piece.
    _ = try IngotProgram.run(
      "init", "bert", source.file("model/"), "--config", Self.wordPieceConfig(in: source), "--seed", "1")
    for file in ["tokenizer.json", "tokenizer_config.json"] {
      _ = try source.write(Array(text(file).utf8), to: "model/\(file)")
    }
    let report = try Self.convert(source.file("model"), to: folder.file("model.gguf"))
    #expect(report.losses.contains { "\($0.detail)".hasPrefix("do_lower_case") } == (name == "cased"))
    #expect(!report.losses.contains { $0.kind == .companion })
    _ = try Self.convert(folder.file("model.gguf"), to: folder.file("back/"), .transformers)
    #expect(try folder.bytes("back/vocab.txt") == Fixture.bytes("wordpiece/\(name)/vocab.txt"))
  }

  private static func wordPieceConfig(in folder: TemporaryFolder) throws -> String {
    try folder.write(
      Array(
        #"""
        {"model_type": "bert", "vocab_size": 200, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 64, "max_position_embeddings": 16, "architectures": ["BertModel"]}
        """#.utf8), to: "wordpiece.json")
  }

  @Test func `blocks are what gguf-py makes of the weights`() throws {
    let (folder, source) = (try TemporaryFolder(), try TemporaryFolder())
    _ = try IngotProgram.run(
      "init", "bert", source.file("model/"), "--config", Self.wordPieceConfig(in: source), "--seed", "2")
    _ = try Self.convert(source.file("model"), to: folder.file("plain.gguf"))
    let result = try IngotProgram.run(
      "quantize", source.file("model"), folder.file("q8_0.gguf"), "--scheme", "q8_0")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let code = """
      import sys, gguf
      plain, blocks = ({t.name: t for t in gguf.GGUFReader(path).tensors} for path in sys.argv[1:])
      assert plain.keys() == blocks.keys()
      names = {name for name, t in blocks.items() if t.tensor_type.name == "Q8_0"}
      # The matrices that llama.cpp's quantizer takes: all but positions and token types.
      assert names == {n for n, t in plain.items() if len(t.shape) == 2 and n.split(".")[0] not in ("position_embd", "token_types")}, names
      for name in names:
          expected = gguf.quantize(plain[name].data, gguf.GGMLQuantizationType.Q8_0)
          assert (expected.reshape(-1) == blocks[name].data.reshape(-1)).all(), name
      """
    _ = try PythonPeer.run(code: code, [folder.file("plain.gguf"), folder.file("q8_0.gguf")])
  }

  /// A file with other keys, by gguf-py.
  private static func rewritten(_ path: String, _ keys: String, to name: String, in folder: TemporaryFolder)
    throws
    -> String
  {
    let code = """
      import sys, gguf
      source, target, changes = gguf.GGUFReader(sys.argv[1]), sys.argv[2], eval(sys.argv[3])
      writer = gguf.GGUFWriter(target, "bert")
      for key, field in source.fields.items():
          if key.startswith("GGUF.") or key == "general.architecture" or key in changes:
              continue
          kinds = [*field.types, None]
          writer.add_key_value(key, field.contents(), kinds[0], kinds[1])
      for key, value in changes.items():
          writer.add_array(key, value) if isinstance(value, list) else writer.add_string(key, value)
      for tensor in source.tensors:
          writer.add_tensor(tensor.name, tensor.data)
      writer.write_header_to_file()
      writer.write_kv_data_to_file()
      writer.write_tensors_to_file()
      writer.close()
      """
    _ = try PythonPeer.run(code: code, [path, folder.file(name), keys])
    return folder.file(name)
  }

  @Test func `keys that are not what they are for are said, or refused`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert(Self.model("sequence-classification"), to: folder.file("model.gguf"))
    let pooling = try Self.rewritten(
      folder.file("model.gguf"), "{'bert.pooling_type': 'mean'}", to: "pooling.gguf", in: folder)
    let losses = try Self.convert(pooling, to: folder.file("pooling/"), .transformers).losses
    #expect(losses.contains { $0.kind == .metadata && "\($0.detail)".hasPrefix("\"bert.pooling_type\"") })
    let labels = try Self.rewritten(
      folder.file("model.gguf"), "{'bert.classifier.output_labels': [1, 2, 3], 'ingot.config': '{}'}",
      to: "labels.gguf", in: folder)
    _ = try Self.convert(labels, to: folder.file("labels/"), .transformers)
    let said = try Self.convert(labels, to: folder.file("again/"), .transformers).losses
    #expect(said.contains { "\($0.detail)".hasPrefix("\"bert.classifier.output_labels\"") })
    let kept = try Self.rewritten(
      folder.file("model.gguf"), "{'ingot.config': '{'}", to: "kept.gguf", in: folder)
    let lost = try Self.convert(kept, to: folder.file("kept/"), .transformers).losses
    #expect(lost.contains { $0.kind == .metadata && "\($0.detail)".hasPrefix("\"ingot.config\"") })
    let config = String(decoding: try folder.bytes("labels/config.json"), as: UTF8.self)
    #expect(!config.contains("id2label"))
    let tokens = try Self.rewritten(
      folder.file("model.gguf"),
      "{'tokenizer.ggml.model': 'bert', 'tokenizer.ggml.tokens': [str(i) for i in range(62)]}",
      to: "tokens.gguf", in: folder)
    let error = #expect(throws: IngotError.self) {
      try Self.convert(tokens, to: folder.file("tokens/"), .transformers)
    }
    guard case .malformed(let rule, _, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(rule.id == "TK-03")
  }
}
