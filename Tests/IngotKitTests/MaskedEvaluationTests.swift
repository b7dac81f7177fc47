// SPDX-License-Identifier: Apache-2.0
// Pseudo-log-likelihoods of masked language models, token by token, against transformers' and numpy's in float64.
import Foundation
import IngotKit
import IngotTestSupport
import IngotText
import Testing

@Suite struct MaskedEvaluationTests {
  private static let model = Fixture.path("masked-text")
  private static let text = Fixture.path("masked-text/text.txt")

  /// What fixtures/generate/masked_text.py wrote.
  private struct Answer: Decodable {
    let ids: [Int]
    let scored: [Int]
    let nll: [Double]
    let mean: Double
    let perplexity: Double

    static func read() throws -> Answer {
      try JSONDecoder().decode(Answer.self, from: Data(Fixture.bytes("masked-text/expected.json")))
    }
  }

  private static func options(_ precision: Precision) -> EvaluateOptions {
    var options = EvaluateOptions()
    (options.run.precision, options.listsTokens) = (precision, true)
    return options
  }

  /// A copy of the model with some of its files written anew, or left out.
  private static func copy(_ files: [String: String?], in folder: TemporaryFolder) throws -> String {
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    where !files.keys.contains(name) {
      _ = try folder.write(Fixture.bytes("masked-text/\(name)"), to: name)
    }
    for (name, text) in files { if let text { _ = try folder.write(text, to: name) } }
    return folder.path
  }

  /// Both sum up in float64; losses are below 10.
  private static let referenceTolerance = 1e-11
  /// Logits of a few dozen terms in fp32, the largest near 10: 24 bits.
  private static let floatTolerance = 2e-5

  @Test(arguments: [(Precision.reference, referenceTolerance), (.auto, floatTolerance)])
  func `each token's loss is transformers'`(_ precision: Precision, _ tolerance: Double) throws {
    let answer = try Answer.read()
    let report = try Ingot.evaluate(Self.model, text: Self.text, options: Self.options(precision))
    let tokens = try #require(report.tokens)
    #expect(report.kind == .pseudoLogLikelihood && report.loss.tokenCount == answer.nll.count)
    // The unknown token, which is special, is not scored.
    #expect(tokens.map(\.index) == answer.scored && tokens.map(\.id) == answer.scored.map { answer.ids[$0] })
    for (token, expected) in zip(tokens, answer.nll) {
      #expect((token.loss - expected).magnitude < tolerance, "token \(token.index)")
    }
    #expect((report.loss.mean - answer.mean).magnitude < tolerance)
    #expect((report.loss.perplexity / answer.perplexity - 1).magnitude < tolerance)
    // No code length, so no bits.
    #expect(report.bitsPerByte == nil && report.byteCount == nil)
    #expect(tokens.map { $0.text ?? "" }.prefix(3) == ["And", "God", "sa"])
  }

  @Test func `tokens are evaluated as their text is, with marks around them or without`() throws {
    let answer = try Answer.read()
    let byText = try Ingot.evaluate(Self.model, text: Self.text, options: Self.options(.auto))
    let byIDs = try Ingot.evaluate(Self.model, ids: answer.ids, options: Self.options(.auto))
    let marked = try Ingot.evaluate(Self.model, ids: [2] + answer.ids + [3], options: Self.options(.auto))
    #expect(byText.loss == byIDs.loss && byIDs.loss == marked.loss)
    #expect(marked.tokens?.map(\.index) == answer.scored.map { $0 + 1 })
  }

  @Test func `a model against itself is no way off`() throws {
    var options = Self.options(.auto)
    options.against = Self.model
    let report = try Ingot.evaluate(Self.model, text: Self.text, options: options)
    #expect(report.divergence?.largest == 0 && report.divergence?.top1Agreement == 1)
    #expect(report.baselineLoss == report.loss && report.divergence?.tokenCount == report.loss.tokenCount)
  }

  /// Files that name the mask, each alone.
  @Test(arguments: [
    ["tokenizer_config.json": #"{"mask_token": "[MASK]"}"#],
    ["tokenizer_config.json": #"{"mask_token": {"content": "[MASK]"}}"#],
    ["tokenizer_config.json": nil, "special_tokens_map.json": #"{"mask_token": "[MASK]"}"#],
    ["tokenizer_config.json": nil],
    ["tokenizer.json": nil, "vocab.txt": ""],
  ])
  func `the mask's id comes from any of a tokenizer's files`(_ files: [String: String?]) throws {
    let folder = try TemporaryFolder()
    var files = files
    if files["vocab.txt"] != nil {
      files["vocab.txt"] = String(decoding: try Fixture.bytes("wordpiece/uncased/vocab.txt"), as: UTF8.self)
    }
    let path = try Self.copy(files, in: folder)
    let report = try Ingot.evaluate(path, text: Self.text, options: Self.options(.reference))
    #expect((report.loss.mean - (try Answer.read()).mean).magnitude < Self.referenceTolerance)
  }

  @Test func `a mask of another name is the one that the settings name`() throws {
    let folder = try TemporaryFolder()
    let document = String(decoding: try Fixture.bytes("masked-text/tokenizer.json"), as: UTF8.self)
    let path = try Self.copy(
      [
        "tokenizer.json": document.replacingOccurrences(of: "[MASK]", with: "<mask>"),
        "tokenizer_config.json": #"{"mask_token": "<mask>"}"#,
      ], in: folder)
    let report = try Ingot.evaluate(path, text: Self.text, options: Self.options(.reference))
    #expect((report.loss.mean - (try Answer.read()).mean).magnitude < Self.referenceTolerance)
  }

  @Test func `GGUF's own key names the mask, but its models of this kind have no head`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.gguf")
    _ = try IngotProgram.run("convert", Self.model, path, "--for", "llama.cpp")
    #expect(try TokenizerOpener().open(path).mask == 4)
    let run = try IngotProgram.process(["eval", path, "--text", Self.text]).run()
    #expect(run.exitCode == 65 && run.firstErrorLine.contains("does not predict the next token"))
  }

  @Test func `what cannot be scored is refused by name`() throws {
    let folder = try TemporaryFolder()
    let empty = try folder.write("", to: "empty.txt")
    let unknown = try folder.write("\u{A7}", to: "unknown.txt")
    let broken = try folder.write([0x41, 0xFF, 0x42], to: "broken.txt")
    let other = try TemporaryFolder()
    let maskless = try Self.maskless(in: other)
    let causal = Fixture.path("kjv-gpt2")
    let cases: [(arguments: [String], code: Int32, words: String)] = [
      ([Self.model, "--text", Self.text, "--stride", "4"], 64, "--stride"),
      ([maskless, "--text", Self.text], 65, "names no mask"),
      ([maskless, "--tokens", "7,8"], 65, "names no mask"),
      ([Fixture.path("bert/masked-lm"), "--tokens", "7,8"], 66, "holds no tokenizer"),
      ([Self.model, "--text", empty], 65, "is not a sequence"),
      ([Self.model, "--text", unknown], 65, "is not a sequence"),
      ([Self.model, "--text", broken], 65, "UTF-8"),
      ([Self.model, "--tokens", "2,3"], 65, "is not a sequence"),
      ([Self.model, "--tokens", "7,200"], 65, "outside the vocabulary"),
      ([Self.model, "--tokens", "7,8", "--against", causal], 65, "the baseline"),
      ([Fixture.path("bert/bare"), "--tokens", "7,8"], 65, "does not predict the next token"),
      (
        [Fixture.path("bert/token-classification"), "--tokens", "7,8"], 65, "does not predict the next token"
      ),
    ]
    for given in cases {
      let result = try IngotProgram.process(["eval"] + given.arguments).run()
      #expect(result.exitCode == given.code, "\(given.arguments): \(result.standardError)")
      #expect(
        result.outputBytes.isEmpty && result.firstErrorLine.contains(given.words), "\(result.standardError)")
    }
  }

  /// The model with a tokenizer in which nothing is called the mask.
  private static func maskless(in folder: TemporaryFolder) throws -> String {
    let document = String(decoding: try Fixture.bytes("masked-text/tokenizer.json"), as: UTF8.self)
    let path = try copy(
      [
        "tokenizer.json": document.replacingOccurrences(of: "[MASK]", with: "[OTHER]"),
        "tokenizer_config.json": "{}",
      ], in: folder)
    return path
  }

  @Test func `logits that are no numbers are an error, or the tokens' own figures`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(["text.txt": "light"], in: folder)
    var weights = try Fixture.bytes("masked-text/model.safetensors")
    // The last number of the file.
    weights.replaceSubrange((weights.count - 4)..., with: [0, 0, 0xC0, 0x7F])
    _ = try folder.write(weights, to: "model.safetensors")
    for precision in ["auto", "reference"] {
      let arguments = ["eval", path, "--text", Self.text, "--precision", precision]
      let refused = try IngotProgram.process(arguments).run()
      #expect(refused.exitCode == 65 && refused.outputBytes.isEmpty, "\(refused.standardError)")
      let run = try IngotProgram.process(arguments + ["--allow-nonfinite", "--json", "--per-token"]).run()
      let object = try JSONSerialization.jsonObject(with: Data(run.outputBytes)) as? [String: Any]
      let tokens = try #require(object?["per_token"] as? [[String: Any]])
      #expect(object?["nll"] as? String == "NaN" && tokens.contains { $0["nll"] as? String == "NaN" })
    }
  }

  @Test func `text says that the figure is a pseudo-log-likelihood, and so does JSON`() throws {
    let text = try IngotProgram.run("eval", Self.model, "--text", Self.text).standardOutput
    #expect(text.contains("pseudo-perplexity") && text.contains("nats a token, by pseudo-log-likelihood"))
    let json = try IngotProgram.run("eval", Self.model, "--text", Self.text, "--json").standardOutput
    #expect(json.contains(#""kind": "pseudo-log-likelihood""#) && json.contains(#""bits_per_byte": null"#))
    #expect(!json.contains("per_token"))
  }
}
