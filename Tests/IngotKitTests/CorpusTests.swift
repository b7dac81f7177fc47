// SPDX-License-Identifier: Apache-2.0
// What the verb writes: the same for any number of threads, records as they are, and nothing where it fails.
import IngotBytes
import IngotKit
import IngotTestSupport
import Testing

@Suite struct CorpusVerbTests {
  /// A recipe that takes anything.
  private static var anything: CorpusOptions {
    var options = CorpusOptions()
    options.recipe.minimumWords = 0
    options.recipe.minimumLetterShare = 0
    options.recipe.maximumRepeatedShare = 1
    options.recipe.maximumMarkupShare = 1
    return options
  }

  /// Documents of random words, some of which repeat others.
  private static func documents(_ count: Int, words: Int) -> [String] {
    var random = SeededRandom(seed: 12)
    var documents: [[String]] = []
    for _ in 0..<count {
      var next = (0..<words).map { _ in "w\(random.integer(in: 0...5000))" }
      if !documents.isEmpty, random.next() % 3 == 0 {
        next = documents[random.integer(in: 0...documents.count - 1)]
        if random.next() % 2 == 0 { next[random.integer(in: 0...words - 1)] = "changed" }
      }
      documents.append(next)
    }
    return documents.map { $0.joined(separator: " ") }
  }

  @Test func `the output and the list are the same bytes for any number of threads`() throws {
    let folder = try TemporaryFolder()
    // Several batches, and more documents than threads.
    let lines = Self.documents(9000, words: 170).map { #"{"n":1,"text":"\#($0)"}"# }
    let path = try folder.write(lines.joined(separator: "\n").utf8, to: "in.jsonl")
    var outputs: Set<[UInt8]> = []
    var lists: Set<[UInt8]> = []
    for jobs in [1, 2, 5] {
      var options = Self.anything
      options.work.jobs = jobs
      options.list = folder.file("list-\(jobs).jsonl")
      let report = try Ingot.corpus([path], to: folder.file("out-\(jobs).jsonl"), options: options)
      #expect(report.documentCount == 9000 && report.keptCount < 7000)
      outputs.insert(try folder.bytes("out-\(jobs).jsonl"))
      lists.insert(try folder.bytes("list-\(jobs).jsonl"))
    }
    #expect(outputs.count == 1 && lists.count == 1)
    // Records that are kept are as they were, in their order.
    let kept = String(decoding: try #require(outputs.first), as: UTF8.self).split(separator: "\n")
    var rest = lines[...]
    for line in kept { rest = rest.drop { $0 != line }.dropFirst() }
    #expect(kept.count > 4000 && !kept.isEmpty)
  }

  @Test func `the first heuristic that a document does not pass decides`() throws {
    let folder = try TemporaryFolder()
    let words = (1...60).map { "word\($0)" }.joined(separator: " ")
    let prose = (1...60).map { _ in "word" }.joined(separator: " ")
    let files: [(name: String, text: String, decision: CorpusDecision)] = [
      ("a-short", "ten words 5", .tooShort),
      ("b-long", String(repeating: "word ", count: 101_000), .tooLong),
      ("c-numbers", (1...60).map { "\($0 * 1000)" }.joined(separator: " "), .fewLetters),
      ("d-lines", String(repeating: "the same line of words\n", count: 20), .repeatedLines),
      ("e-markup", "<p>" + prose + String(repeating: "<br class='wide'>", count: 40), .markup),
      ("f-kept", words, .kept),
      ("g-again", words, .exactDuplicate),
      ("h-other-case", words.uppercased(), .nearDuplicate),
    ]
    for file in files { try folder.write(file.text.utf8, to: "in/\(file.name).txt") }
    try folder.write([0x61, 0xFF], to: "in/i-bytes.txt")
    var options = CorpusOptions()
    options.list = folder.file("list.jsonl")
    let report = try Ingot.corpus([folder.file("in")], to: folder.file("out.txt"), options: options)
    #expect(report.decisions.allSatisfy { $0.count == 1 })
    #expect(try folder.bytes("out.txt") == Array(words.utf8))
    let list = String(decoding: try folder.bytes("list.jsonl"), as: UTF8.self).split(separator: "\n")
    let decisions = list.map { $0.split(separator: "\"decision\":\"")[1].prefix { $0 != "\"" } }
    #expect(decisions.map(String.init) == files.map(\.decision.rawValue) + ["not_utf8"])
    #expect(list[7].contains("\"of\":6,\"similarity\":1"))
  }

  @Test func `texts are written as records and records as texts`() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write("one \"two\"\n<|end|>three\u{7F}\u{1}".utf8, to: "in.txt")
    var options = Self.anything
    options.documentSeparator = "<|end|>"
    options.field = "content"
    _ = try Ingot.corpus([text], to: folder.file("out.jsonl"), options: options)
    let records =
      #"{"content":"one \"two\"\n"}"# + "\n" + #"{"content":"three"# + "\u{7F}" + #"\u0001"}"# + "\n"
    #expect(try folder.bytes("out.jsonl") == Array(records.utf8))
    options.documentSeparator = ""
    options.separator = "--"
    _ = try Ingot.corpus([folder.file("out.jsonl")], to: folder.file("out.txt"), options: options)
    #expect(try folder.bytes("out.txt") == Array("one \"two\"\n--three\u{7F}\u{1}".utf8))
    options.wantedCount = 1
    let report = try Ingot.corpus([folder.file("out.jsonl")], to: folder.file("first.txt"), options: options)
    #expect(report.documentCount == 1)
    #expect(try folder.bytes("first.txt") == Array("one \"two\"\n".utf8))
  }

  @Test func `a record that is none, a full disk or a file cut off leaves nothing behind`() throws {
    let folder = try TemporaryFolder()
    let lines = Self.documents(3000, words: 200).map { #"{"text":"\#($0)"}"# }
    let good = try folder.write(lines.joined(separator: "\n").utf8, to: "good.jsonl")
    let bad = try folder.write((lines + ["{}"]).joined(separator: "\n").utf8, to: "bad.jsonl")
    var options = Self.anything
    options.list = folder.file("list.jsonl")
    let old = try folder.write("old".utf8, to: "out.jsonl")
    options.force = true
    #expect(throws: IngotError.self) { try Ingot.corpus([bad], to: old, options: options) }
    options.work.system = FaultySystem(writableByteCount: 2 << 20)
    #expect(throws: IngotError.self) { try Ingot.corpus([good], to: old, options: options) }
    options.work.system = FaultySystem(readableEnd: 1 << 20)
    #expect(throws: IngotError.self) { try Ingot.corpus([good], to: old, options: options) }
    #expect(try folder.bytes("out.jsonl") == Array("old".utf8))
    #expect(folder.entries() == ["bad.jsonl", "good.jsonl", "out.jsonl"])
    options.work.system = FaultySystem(transferByteLimit: 1000)
    #expect(try Ingot.corpus([good], to: old, options: options).documentCount == 3000)
  }

  @Test func `options that mean nothing are refused by name, before anything is written`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("text".utf8, to: "in.txt")
    let changes: [(RequestOption, (inout CorpusOptions) -> Void)] = [
      (.threshold, { $0.recipe.nearDuplicates?.threshold = 0.3 }),
      (.threshold, { $0.recipe.nearDuplicates?.threshold = .nan }),
      (.permutations, { $0.recipe.nearDuplicates?.permutations = 0 }),
      (.shingleWords, { $0.recipe.nearDuplicates?.shingleWords = 0 }),
      (.minimumWords, { $0.recipe.minimumWords = -1 }),
      (.maximumWords, { $0.recipe.maximumWords = 10 }),
      (.minimumLetterShare, { $0.recipe.minimumLetterShare = .nan }),
      (.maximumRepeatedShare, { $0.recipe.maximumRepeatedShare = 1.5 }),
      (.maximumMarkupShare, { $0.recipe.maximumMarkupShare = -0.1 }),
      (.wantedCount, { $0.wantedCount = 0 }),
      (.documentSeparator, { $0.documentSeparator = String(repeating: "x", count: 300) }),
      (.format, { $0.format = .lines }),
      (.list, { $0.list = "-" }),
    ]
    for (option, change) in changes {
      var options = CorpusOptions()
      change(&options)
      let error = #expect(throws: IngotError.self) {
        try Ingot.corpus([path], to: folder.file("out.txt"), options: options)
      }
      guard case .invalidRequest(option, _) = error else {
        Issue.record("\(option): \(String(describing: error))")
        continue
      }
    }
    #expect(throws: IngotError.self) { try Ingot.corpus([], to: nil) }
    #expect(throws: IngotError.self) { try Ingot.corpus([path], to: folder.file("out.pdf")) }
    #expect(folder.entries() == ["in.txt"])
  }
}
