// SPDX-License-Identifier: Apache-2.0
// How an item of a task becomes a prompt: the forms in which the GPT-2 paper gives its tasks to the model, as data.

/// How an item of a task becomes a prompt.
///
/// - SeeAlso: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 3.
public struct TaskTemplate: Hashable, Sendable {
  /// What it is called.
  public let name: String
  /// The prompt, `{field}` where a field of the line stands.
  package let pattern: String
  /// Fields with what stands for them where a line has none.
  package var defaults: [String: String] = [:]
  /// Questions before this one, `[{"question", "answer"}]`, as they stand where the pattern has `{history}`.
  package var turn: String?
  /// How the answer goes on from the prompt.
  package var answer = Answer.follows("")
  /// What stands between an example and what follows.
  package var separator = "\n"
  /// Where a generated answer ends.
  package var ending = Ending.line
  /// Tokens that are generated at the most, unless told otherwise or more are expected.
  package var tokenCount = 32

  /// How the answer goes on from the prompt.
  package enum Answer: Hashable, Sendable {
    /// It follows, behind this text.
    case follows(String)
    /// It stands in place of this mark; it and what is behind it are scored.
    case fillsGap(String)
    /// It stands in place of this mark, and only what is behind it is scored.
    case precedesRest(String)
    /// It is the last word of the pattern's text.
    case isLastWord
  }

  /// Where a generated answer ends.
  package enum Ending: Hashable, Sendable {
    /// With as many tokens as the expected text has.
    case likeExpected
    /// With the line; an answer that has several lines, with as many.
    case line
    /// With the first word.
    case word
    /// With so many sentences.
    case sentences(Int)
  }
}

extension TaskTemplate {
  /// The prompt as it stands in the line.
  public static let plain = TaskTemplate(
    name: "plain",
    pattern: "{prompt}", ending: .likeExpected)

  /// All templates.
  public static let all: [TaskTemplate] = [
    .plain,
    // Section 3.7: "a context of example pairs of the format english sentence = french sentence".
    TaskTemplate(
      name: "translation",
      pattern: "{source} =", answer: .follows(" "), tokenCount: 100),
    // Section 2.
    TaskTemplate(
      name: "translation-instruction",
      pattern: "translate {from} to {to}: {source} =", defaults: ["from": "English", "to": "French"],
      answer: .follows(" "), tokenCount: 100),
    // Section 3.6: 100 tokens, of which the first three sentences are the summary.
    TaskTemplate(
      name: "summarization",
      pattern: "{article}\nTL;DR:", answer: .follows(" "), separator: "\n\n", ending: .sentences(3),
      tokenCount: 100),
    // Section 3.5: "conditioned on a document, the history of the associated conversation, and a final token A:".
    TaskTemplate(
      name: "reading-comprehension",
      pattern: "{document}\n\n{history}Q: {question}\nA:", turn: "Q: {question}\nA: {answer}\n\n",
      answer: .follows(" "), separator: "\n\n"),
    // Section 3.2: "the probability of each choice and the rest of the sentence conditioned on this choice".
    TaskTemplate(
      name: "childrens-books",
      pattern: "{context}\n{question}", answer: .fillsGap("XXXXX"), separator: "\n\n"),
    // Section 3.3.
    TaskTemplate(
      name: "lambada", pattern: "{text}", answer: .isLastWord,
      separator: "\n\n", ending: .word, tokenCount: 8),
    // Section 3.4, with Trinh and Le, "A Simple Method for Commonsense Reasoning", 2018, section 3.
    TaskTemplate(
      name: "winograd",
      pattern: "{text}", answer: .precedesRest("_")),
    TaskTemplate(
      name: "winograd-full",
      pattern: "{text}", answer: .fillsGap("_")),
  ]

  /// The prompt on one line, fields in braces, and what is scored where that is not all that follows.
  public var summary: String {
    let prompt = pattern.replacing("\n", with: "\\n")
    return switch answer {
    case .follows: prompt
    case .fillsGap(let mark): "\(prompt); a choice for \(mark) and what is behind it are scored"
    case .precedesRest(let mark): "\(prompt); what is behind a choice for \(mark) is scored"
    case .isLastWord: "\(prompt); its last word is expected"
    }
  }

  /// The template of a name.
  public static func named(_ name: String) -> TaskTemplate? { all.first { $0.name == name } }
}

extension TaskTemplate {
  /// A piece of a pattern.
  enum Piece: Hashable {
    case text(String)
    case field(String)
  }

  /// The pieces of a pattern.
  static func pieces(of pattern: String) -> [Piece] {
    var pieces: [Piece] = []
    for part in pattern.split(separator: "{", omittingEmptySubsequences: false) {
      let halves = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
      if halves.count == 2 { pieces.append(.field(String(halves[0]))) }
      if let text = halves.last, !text.isEmpty { pieces.append(.text(String(text))) }
    }
    return pieces
  }
}
