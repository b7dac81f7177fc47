// SPDX-License-Identifier: Apache-2.0
// Tasks beside what a forward pass in numpy makes of them, and what is wrong with tasks.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ZeroShotTests {
  private static let model = Fixture.path("kjv-gpt2")

  private static func run(_ arguments: String...) throws -> ProcessResult {
    try IngotProgram.process(["zero-shot"] + arguments).run()
  }

  /// What the program prints as JSON.
  private struct Report: Decodable {
    struct Item: Decodable {
      let line: Int
      let scores, scoresPerByte: [Double]
      let choice, choicePerByte, answer: Int?
      let correct: Bool
      let text: String?
      let f1: Double?
    }
    let items: [Item]
    let accuracy: Double
    let accuracyPerByte, chance, f1: Double?
    let interval: [Double]
  }

  /// What numpy makes of the tasks.
  private struct Expected: Decodable {
    struct Choice: Decodable {
      let scores: [Double]
      let choice, choicePerByte: Int
    }
    struct Word: Decodable {
      let scores: [Double]
      let text, expected: String
    }
    enum CodingKeys: String, CodingKey {
      case cloze
      case words = "last-word"
    }
    let cloze: [Choice]
    let words: [Word]
  }

  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }()

  private static func report(_ arguments: String..., on model: String = model) throws -> Report {
    let result = try IngotProgram.process(["zero-shot", model] + arguments + ["--json"]).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    return try decoder.decode(Report.self, from: Data(result.outputBytes))
  }

  /// What the program makes of a task of the fixtures.
  private static func report(on task: String, _ template: String, count: Int) throws -> Report {
    let report = try report("--task", Fixture.path("zero-shot/\(task).jsonl"), "--template", template)
    #expect(report.items.count == count)
    return report
  }

  private static func expected() throws -> Expected {
    try decoder.decode(Expected.self, from: Data(try Fixture.bytes("zero-shot/expected.json")))
  }

  /// The first lines of a task.
  private static func lines(of task: String, _ count: Int) throws -> String {
    String(decoding: try Fixture.bytes("zero-shot/\(task).jsonl"), as: UTF8.self)
      .split(separator: "\n").prefix(count).joined(separator: "\n")
  }

  private static func near(_ found: [Double], _ expected: [Double], _ difference: Double = 1e-4) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= difference }
  }

  @Test func `choices in a gap are scored as numpy scores them, and mean something`() throws {
    let expected = try Self.expected().cloze
    let report = try Self.report(on: "cloze", "childrens-books", count: 200)
    #expect(expected.count == 200)
    for (item, theirs) in zip(report.items, expected) {
      #expect(Self.near(item.scores, theirs.scores), "line \(item.line): \(item.scores)")
      #expect(item.choice == theirs.choice && item.choicePerByte == theirs.choicePerByte)
      #expect(item.correct == (item.choice == item.answer))
    }
    let right = zip(report.items, expected).count { $0.answer == $1.choice }
    #expect(report.accuracy == Double(right) / 200 && abs((report.chance ?? 0) - 0.2) < 1e-12)
    // Distractors are as frequent as the right words: a model that knows frequencies alone stays at chance.
    #expect(report.interval[0] > 0.2, "\(report.interval)")
  }

  @Test func `last words are those of numpy's greedy text`() throws {
    let expected = try Self.expected().words
    let report = try Self.report(on: "last-word", "lambada", count: 100)
    #expect(expected.count == 100)
    for (item, theirs) in zip(report.items, expected) {
      #expect(Self.near(item.scores, theirs.scores), "line \(item.line): \(item.scores)")
      #expect(item.text == theirs.text, "line \(item.line)")
      #expect(item.correct == (theirs.text == theirs.expected))
    }
    #expect(report.accuracy == Double(expected.count { $0.text == $0.expected }) / 100)
    #expect(report.chance == nil && report.f1 != nil)
  }

  @Test func `float64 scores are numpy's to the last digits`() throws {
    let folder = try TemporaryFolder()
    let task = try folder.write(Self.lines(of: "cloze", 3), to: "three.jsonl")
    let report = try Self.report(
      "--task", task, "--template", "childrens-books", "--precision", "reference")
    for (item, theirs) in zip(report.items, try Self.expected().cloze) {
      #expect(Self.near(item.scores, theirs.scores, 1e-9), "line \(item.line): \(item.scores)")
    }
  }

  @Test func `a task in int8 does as well`() throws {
    let folder = try TemporaryFolder()
    let int8 = folder.path + "/int8.ingot"
    #expect(try IngotProgram.run("quantize", Self.model, int8).exitCode == 0)
    let lines = try Self.lines(of: "cloze", 60)
    let task = try folder.write(lines, to: "task.jsonl")
    let report = try Self.report("--task", task, "--template", "childrens-books", on: int8)
    let same = zip(report.items, try Self.expected().cloze).count { $0.choice == $1.choice }
    #expect(report.items.count == 60 && same >= 57, "\(same) choices are those of the whole model")
  }

  @Test func `examples stand before each prompt, as many as are asked for`() throws {
    let folder = try TemporaryFolder()
    let examples = try folder.write(
      #"{"source": "God", "expected": "Dieu"}"# + "\n" + #"{"source": "man", "expected": "homme"}"#,
      to: "examples.jsonl")
    let task = try folder.write(#"{"source": "king", "expected": "roi"}"#, to: "task.jsonl")
    for (count, before) in [(0, ""), (1, "God = Dieu\n"), (2, "God = Dieu\nman = homme\n")] {
      let whole = try folder.write(
        #"{"prompt": "\#(before.replacing("\n", with: "\\n"))king =", "expected": " roi"}"#, to: "plain.jsonl"
      )
      let plain = try Self.report("--task", whole)
      let filled = try Self.report(
        "--task", task, "--template", "translation", "--examples", examples, "--shots", "\(count)")
      #expect(Self.near(filled.items[0].scores, plain.items[0].scores, 1e-9))
    }
  }

  @Test func `shots of all examples need no number, and a threshold decides the exit code`() throws {
    let task = Fixture.path("zero-shot/last-word.jsonl")
    let low = try Self.run(
      Self.model, "--task", task, "--template", "lambada", "--min-accuracy", "0.99", "--items")
    #expect(low.exitCode == 1 && low.standardError.contains("under --min-accuracy 0.99"))
    #expect(low.standardOutput.contains("exact match") && low.standardOutput.contains("wrong"))
    let other = try Self.run(Self.model, "--task", task, "--template", "lambada", "--min-accuracy", "0")
    #expect(other.exitCode == 0)
  }

  @Test func `what is wrong is said with the line, in one line`() throws {
    let folder = try TemporaryFolder()
    let good = #"{"prompt": "And the LORD said unto", "choices": [" Moses", " Egypt"], "answer": 0}"#
    func task(_ lines: String...) throws -> String {
      try folder.write(lines.joined(separator: "\n"), to: "task.jsonl")
    }
    let long = String(repeating: "And ", count: 300)
    let cases: [(lines: [String], words: String)] = [
      ([good, #"{"prompt": "a","#], "line 2"),
      ([good, "", #"{"prompt": "a", "choices": ["b"], "answer": 0}"#], "line 3"),
      (
        [good, #"{"prompt": "", "choices": ["b", "c"], "answer": 0}"#], "has no prompt before its first token"
      ),
      ([good, #"{"prompt": "\#(long)", "choices": ["b", "c"], "answer": 0}"#], "the model takes 256"),
    ]
    for (lines, words) in cases {
      let path = try folder.write(lines.joined(separator: "\n"), to: "task.jsonl")
      let result = try Self.run(Self.model, "--task", path)
      #expect(result.exitCode == 65, "\(lines): \(result.standardError)")
      #expect(result.standardError.contains(words), "\(result.standardError)")
      #expect(result.standardError.split(separator: "\n").count == 1 && result.outputBytes.isEmpty)
    }
    let path = try task(good)
    let few = try Self.run(Self.model, "--task", path, "--examples", path, "--shots", "2")
    #expect(few.exitCode == 65 && few.standardError.contains("has 1 item of the 2 asked for"))
    #expect(try Self.run(Self.model, "--task", folder.path + "/none").exitCode == 66)
    #expect(try Self.run(Self.model, "--task", path, "--template", "none").exitCode == 64)
    #expect(try Self.run(Self.model, "--task", path, "--shots", "2").exitCode == 64)
    #expect(try Self.run(Self.model, "--task", path, "--min-accuracy", "2").exitCode == 64)
    #expect(try Self.run(Fixture.path("openai-gpt/language-model"), "--task", path).exitCode == 66)
    #expect(try Self.run(Fixture.path("bert/masked"), "--task", path).exitCode != 0)
  }
}
