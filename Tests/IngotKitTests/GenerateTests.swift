// SPDX-License-Identifier: Apache-2.0
// Text that a model makes: prompts as text and as tokens, what ends it, and tokenizers that are not the model's.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct GenerateTests {
  private static let model = Fixture.path("kjv-gpt2")

  private static func options(_ set: (inout GenerateOptions) -> Void = { _ in }) -> GenerateOptions {
    var options = GenerateOptions()
    options.maximumCount = 24
    set(&options)
    return options
  }

  /// A copy of the model with some of its files written anew.
  private static func copy(_ files: [String: String], in folder: TemporaryFolder) throws -> String {
    for name in ["config.json", "model.safetensors", "tokenizer.json", "generation_config.json"] {
      _ = try folder.write(Fixture.bytes("kjv-gpt2/\(name)"), to: name)
    }
    for (name, text) in files { _ = try folder.write(text, to: name) }
    return folder.path
  }

  /// The model's tokenizer with a token that the model has no row for.
  private static func tokenizerOfMoreIDs() throws -> String {
    String(decoding: try Fixture.bytes("kjv-gpt2/tokenizer.json"), as: UTF8.self)
      .replacing(
        #""added_tokens": ["#,
        with: #""added_tokens": [{"id": 2048, "content": "<more>", "single_word": false, "lstrip": false, "#
          + #""rstrip": false, "normalized": false, "special": true},"#)
  }

  @Test func `text comes in whole characters, and is that of the ids`() throws {
    var pieces: [String] = []
    let report = try Ingot.generate(Self.model, prompt: "In the beginning", options: Self.options()) {
      pieces.append($0)
    }
    #expect(pieces.count > 5 && pieces.joined() == report.text)
    #expect(report.added.count == 24 && report.stop == .length)
    let text = try Ingot.detokenize(Self.model, ids: report.added)
    #expect(report.text == String(decoding: text, as: UTF8.self))
    let again = try Ingot.generate(Self.model, ids: report.prompt, options: Self.options())
    #expect(again.added == report.added && again.logProbabilities == report.logProbabilities)
    #expect(again.text == nil)
  }

  @Test func `a stop text ends it, and is not part of the text`() throws {
    let whole = try Ingot.generate(Self.model, prompt: "In the beginning", options: Self.options()).text ?? ""
    let stop = String(whole.dropFirst(20).prefix(3))
    let report = try Ingot.generate(
      Self.model, prompt: "In the beginning", options: Self.options { $0.stopTexts = [stop] })
    let end = try #require(whole.firstRange(of: stop)).lowerBound
    #expect(report.stop == .stop && report.text == String(whole[..<end]))
  }

  @Test func `a token that ends a text ends it, by generation_config.json before config.json`() throws {
    let first = try Ingot.generate(Self.model, prompt: "In the beginning", options: Self.options()).added[3]
    for ends in ["\(first)", "[\(first), 1]"] {
      let folder = try TemporaryFolder()
      let path = try Self.copy(["generation_config.json": #"{"eos_token_id": \#(ends)}"#], in: folder)
      let report = try Ingot.generate(path, prompt: "In the beginning", options: Self.options())
      #expect(report.stop == .end && report.added.last == first)
      let through = Self.options { $0.ignoresEnd = true }
      #expect(try Ingot.generate(path, prompt: "In the beginning", options: through).added.count == 24)
    }
  }

  @Test func `a tokenizer of more ids than the model has rows is not the model's`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(["tokenizer.json": Self.tokenizerOfMoreIDs()], in: folder)
    do {
      _ = try Ingot.generate(path, prompt: "x", options: Self.options())
      Issue.record("it was taken")
    } catch {
      guard case .unsuitable = error else { throw error }
    }
  }

  @Test func `prompts that are empty or too long, and models without text, are refused`() throws {
    for prompt in ["", String(repeating: "And ", count: 300)] {
      #expect(throws: IngotError.self) {
        _ = try Ingot.generate(Self.model, prompt: prompt, options: Self.options())
      }
    }
    #expect(throws: IngotError.self) {
      _ = try Ingot.generate(Fixture.path("bert/masked-lm"), ids: [1], options: Self.options())
    }
    #expect(throws: IngotError.self) {
      _ = try Ingot.generate(Fixture.path("openai-gpt/language-model"), prompt: "x", options: Self.options())
    }
  }

  @Test func `equal seeds give equal texts, and draws differ from the likeliest`() throws {
    func text(seed: UInt64) throws -> String? {
      let options = Self.options {
        ($0.sampling.temperature, $0.sampling.topP, $0.sampling.seed) = (1, 0.95, seed)
      }
      return try Ingot.generate(Self.model, prompt: "In the beginning", options: options).text
    }
    #expect(try text(seed: 1) == text(seed: 1) && text(seed: 1) != text(seed: 2))
    #expect(
      try text(seed: 1)
        != Ingot.generate(Self.model, prompt: "In the beginning", options: Self.options()).text)
  }

  @Test func `evaluating a text is evaluating its tokens, with bits a byte besides`() throws {
    let folder = try TemporaryFolder()
    let text = Array(try Fixture.bytes("kjv-gpt2/heldout.txt").prefix(3000))
    let path = try folder.write(text, to: "text.txt")
    let ids = try Ingot.tokenize(Self.model, text: text)
    var options = EvaluateOptions()
    options.stride = 100
    let (byText, byIDs) = (
      try Ingot.evaluate(Self.model, text: path, options: options),
      try Ingot.evaluate(Self.model, ids: ids.ids, options: options)
    )
    #expect(byText.loss == byIDs.loss && byIDs.bitsPerByte == nil)
    // All bytes but the first token's.
    #expect(byText.byteCount == text.count - ids.offsets[0].count)
    #expect(byText.bitsPerByte == byText.loss.bitsPerByte(byteCount: text.count - ids.offsets[0].count))
  }

  @Test func `every scored token is listed with its stretch of the text`() throws {
    let folder = try TemporaryFolder()
    let text = Array(try Fixture.bytes("kjv-gpt2/heldout.txt").prefix(3000))
    var options = EvaluateOptions()
    (options.listsTokens, options.against) = (true, Self.model)
    let report = try Ingot.evaluate(Self.model, text: folder.write(text, to: "text.txt"), options: options)
    let tokens = try #require(report.tokens)
    #expect(tokens.count == report.loss.tokenCount && tokens.map(\.index) == Array(1...tokens.count))
    // Summed up in the order of the list.
    #expect(tokens.reduce(0) { $0 + $1.loss } == report.loss.sum)
    #expect(tokens.allSatisfy { $0.divergence == 0 && $0.baselineLoss == $0.loss })
    let encoded = try Ingot.tokenize(Self.model, text: text)
    #expect(tokens.map(\.id) == Array(encoded.ids.dropFirst()))
    #expect(tokens.map { $0.text ?? "" }.joined().utf8.elementsEqual(text[encoded.offsets[0].upperBound...]))
  }

  @Test func `a text that can't be evaluated is refused by name`() throws {
    let folder = try TemporaryFolder()
    let empty = try folder.write("", to: "empty.txt")
    let text = try folder.write("In the beginning", to: "text.txt")
    let misfit = try TemporaryFolder()
    let other = try Self.copy(["tokenizer.json": Self.tokenizerOfMoreIDs()], in: misfit)
    for (arguments, words) in [
      ([Self.model, "--text", empty], "is not a sequence of two tokens or more"),
      ([Self.model, "--tokens", "7"], "is not a sequence of two tokens or more"),
      ([other, "--text", text], "has ids up to 2048"),
    ] {
      let run = try IngotProgram.process(["eval"] + arguments).run()
      #expect(run.exitCode == 65 && run.firstErrorLine.contains(words), "\(run.standardError)")
      #expect(run.outputBytes.isEmpty)
    }
  }
}
