// SPDX-License-Identifier: Apache-2.0
// An item of a task: a prompt with texts that may go on from it, made of a line of JSON by a template.
import IngotCore

/// An item of a task.
package struct TaskItem: Hashable, Sendable {
  /// The line it stands in, from 1.
  package var line: Int
  /// What all of its texts begin with.
  package var prompt: String
  /// The texts that go on from it: choices, or the answers that are right.
  package var texts: [Continuation]
  /// What is right.
  package var answer: Answer

  /// A text that goes on from the prompt.
  package struct Continuation: Hashable, Sendable {
    /// What stands before the part that is scored.
    package var lead = ""
    /// The part that is scored, with what joins it to the prompt.
    package var scored: String
    /// Its bytes without what joins it.
    package var byteCount: Int
  }

  /// What is right.
  package enum Answer: Hashable, Sendable {
    /// The choice of this number.
    case choice(Int)
    /// One of these, generated.
    case texts([String])
  }

  /// The whole text with the right answer, as an example has it.
  package var answered: String {
    let right: Int =
      switch answer {
      case .choice(let index): index
      case .texts: 0
      }
    return prompt + texts[right].lead + texts[right].scored
  }
}

/// The rules of tasks: formats/zero-shot.md.
package enum TaskRule: String, FormatRule {
  case object = "ZS-01"
  case field = "ZS-02"
  case kind = "ZS-03"
  case choices = "ZS-04"
  case answer = "ZS-05"
  case expected = "ZS-06"
  case gap = "ZS-07"
  case notEmpty = "ZS-08"
}

/// Makes an item of a line's object.
struct TaskItemReader {
  let template: TaskTemplate
  let object: Metadata
  let place: Location

  /// The item.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` by the rules of the page.
  func item() throws(IngotError) -> TaskItem {
    let text = try filled(template.pattern)
    let line = place.line ?? 1
    if template.answer == .isLastWord { return try lastWord(of: text, line) }
    let (texts, answer) = try answers()
    switch template.answer {
    case .fillsGap(let mark):
      let (before, after) = try halves(of: text, at: mark)
      return TaskItem(
        line: line, prompt: before,
        texts: texts.map { .init(scored: $0 + after, byteCount: ($0 + after).utf8.count) }, answer: answer)
    case .precedesRest(let mark):
      let (before, after) = try halves(of: text, at: mark)
      guard after.contains(where: { !$0.isWhitespace }) else {
        throw broken(.gap, "nothing behind \(mark)", "text that the choices are judged by")
      }
      return TaskItem(
        line: line, prompt: before,
        texts: texts.map { .init(lead: $0, scored: after, byteCount: after.utf8.count) }, answer: answer)
    case .follows(let joint):
      return TaskItem(
        line: line, prompt: text,
        texts: texts.map { .init(scored: joint + $0, byteCount: $0.utf8.count) }, answer: answer)
    case .isLastWord: throw .internal("a template whose answer is not looked for")
    }
  }

  /// An item whose last word is expected, without the punctuation behind it.
  private func lastWord(of text: String, _ line: Int) throws(IngotError) -> TaskItem {
    let rest = text.dropLast(while: \.isWhitespace)
    guard let space = rest.lastIndex(where: \.isWhitespace),
      text[..<space].contains(where: { !$0.isWhitespace })
    else {
      throw broken(.gap, "a text of one word at the most", "words, and a last one")
    }
    let whole = rest[rest.index(after: space)...]
    let bare = whole.dropLast(while: \.isPunctuation)
    let word = String(bare.isEmpty ? whole : bare)
    return TaskItem(
      line: line, prompt: String(text[..<space]),
      texts: [.init(scored: String(text[space]) + word, byteCount: word.utf8.count)], answer: .texts([word]))
  }

  // MARK: - Answers

  /// The texts that may go on, and what of it is right.
  private func answers() throws(IngotError) -> (texts: [String], answer: TaskItem.Answer) {
    switch (object["choices"], object["expected"]) {
    case (let choices?, nil): return try self.choices(choices)
    case (nil, let expected?):
      guard template.takesExpected else { throw broken(.kind, "expected", "choices") }
      let texts = try self.expected(expected)
      return (texts, .texts(texts))
    case (nil, nil): throw broken(.kind, "neither choices nor expected", "one of them")
    case (_?, _?): throw broken(.kind, "choices and expected", "one of them")
    }
  }

  private func choices(
    _ value: MetadataValue
  ) throws(IngotError) -> (texts: [String], answer: TaskItem.Answer) {
    guard let texts = Self.texts(value), texts.count > 1, !texts.contains("") else {
      throw broken(.choices, key: "choices", "another value", "two texts or more, none of them empty")
    }
    if let index = object["answer"]?.integer, texts.indices.contains(index) { return (texts, .choice(index)) }
    let answer = object["answer"]?.text.map(ExactName.init)
    let places = texts.indices.filter { ExactName(texts[$0]) == answer }
    guard places.count == 1, let index = places.first else {
      throw broken(
        .answer, key: "answer", object["answer"] == nil ? "nothing" : "another value",
        "the number of a choice, from 0 to \(texts.count - 1), or the text of one")
    }
    return (texts, .choice(index))
  }

  private func expected(_ value: MetadataValue) throws(IngotError) -> [String] {
    guard let texts = value.text.map({ [$0] }) ?? Self.texts(value), !texts.isEmpty,
      texts.allSatisfy({ $0.contains { !$0.isWhitespace } })
    else {
      throw broken(
        .expected, key: "expected", "another value", "a text, or several of which each is right, none empty")
    }
    return texts
  }

  /// The texts of an array of strings.
  private static func texts(_ value: MetadataValue) -> [String]? {
    guard case .array(let values) = value else { return nil }
    let texts = values.compactMap(\.text)
    return texts.count == values.count ? texts : nil
  }

  // MARK: - Patterns

  /// A pattern with the line's fields in it.
  private func filled(_ pattern: String) throws(IngotError) -> String {
    var text = ""
    for piece in TaskTemplate.pieces(of: pattern) {
      switch piece {
      case .text(let words): text += words
      case .field("history"): text += try history()
      case .field(let name): text += try field(name, of: object)
      }
    }
    return text
  }

  private func field(_ name: String, of object: Metadata) throws(IngotError) -> String {
    guard let value = object[name] else {
      if let stated = template.defaults[name] { return stated }
      throw broken(.field, key: name, "nothing", "a text, for the template \(words: template.name)")
    }
    guard let text = value.text else { throw broken(.field, key: name, "another value", "a text") }
    return text
  }

  /// Earlier questions with their answers; none where the line has no history.
  private func history() throws(IngotError) -> String {
    guard let value = object["history"] else { return "" }
    guard case .array(let turns) = value else {
      throw broken(.field, key: "history", "another value", "a list of questions with answers")
    }
    var text = ""
    for turn in turns {
      guard case .object(let turn) = turn else {
        throw broken(.field, key: "history", "another value", "a question with its answer")
      }
      for piece in TaskTemplate.pieces(of: template.turn ?? "") {
        switch piece {
        case .text(let words): text += words
        case .field(let name): text += try field(name, of: turn)
        }
      }
    }
    return text
  }

  /// What stands before and behind a mark, by bytes: a combining mark may stand behind it.
  private func halves(of text: String, at mark: String) throws(IngotError) -> (String, String) {
    let parts = text.utf8.split(separator: mark.utf8, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw broken(.gap, "\(parts.count - 1, "mark") \(mark)", "one, where the choices go")
    }
    return (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
  }

  private func broken(
    _ rule: TaskRule, key: String? = nil, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    var place = place
    place.key = key
    return .malformed(rule.rule, at: place, found: found, expected: expected)
  }
}

extension TaskTemplate {
  /// Whether an answer can be generated: nothing is scored behind it.
  fileprivate var takesExpected: Bool {
    switch answer {
    case .follows, .isLastWord: true
    case .fillsGap, .precedesRest: false
    }
  }
}
