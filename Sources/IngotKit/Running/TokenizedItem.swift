// SPDX-License-Identifier: Apache-2.0
// An item of a task in a model's tokens.
import IngotCore
import IngotTasks

/// An item in tokens.
struct TokenizedItem {
  /// The item.
  let item: TaskItem
  /// The prompt with each text behind it.
  let texts: [Text]

  /// A prompt with a text behind it.
  struct Text {
    /// Its tokens.
    let ids: [Int]
    /// The first token that is scored: the first that has something of what is.
    let start: Int
    /// What the first scored token has of the prompt.
    let overlap: String
  }

  /// Tokens that all texts begin with, up to the first that is scored: the prompt's.
  let prompt: ArraySlice<Int>

  /// Turns an item into tokens.
  ///
  /// Prompt and text are tokenized as one, as a text that a model has seen was: a space before a word belongs to the word's
  /// token. What is put behind a text by the tokenizer is left away, since the text goes on.
  ///
  /// - Parameters:
  ///   - item: the item.
  ///   - examples: answered items that stand before it, with what separates them from it.
  ///   - tokenizer: the model's tokenizer.
  ///   - source: the task's file.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` with the item's line, for a prompt without a token, and a text
  ///   without one.
  init(
    _ item: TaskItem, examples: String, tokenizer: ModelTokenizer, source: String
  ) throws(IngotError) {
    self.item = item
    let place = Location(source, line: item.line)
    let before = examples + item.prompt
    let texts = try item.texts.indices.map { (index) throws(IngotError) in
      let text = item.texts[index]
      let opening = try tokenizer.opening(of: before + text.lead + text.scored)
      let scoredFrom = before.utf8.count + text.lead.utf8.count
      guard let start = opening.ends.firstIndex(where: { $0 > scoredFrom }) else {
        throw .unsuitable(place, why: "text \(index) has no token", hint: nil)
      }
      guard start > 0 else {
        throw .unsuitable(
          place, why: "has no prompt before its first token, which has something of what is scored", hint: nil
        )
      }
      let overlap = before.utf8.dropFirst(opening.ends[start - 1])
      return Text(ids: opening.ids, start: start, overlap: String(decoding: overlap, as: UTF8.self))
    }
    self.texts = texts
    prompt = texts.dropFirst().reduce(texts[0].ids[..<texts[0].start]) { prompt, text in
      prompt.prefix(zip(prompt, text.ids[..<text.start]).prefix { $0 == $1 }.count)
    }
  }

  /// The tokens of the longest text.
  var longestCount: Int { texts.reduce(0) { max($0, $1.ids.count) } }
}
