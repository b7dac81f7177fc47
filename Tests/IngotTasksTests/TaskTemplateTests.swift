// SPDX-License-Identifier: Apache-2.0
// Prompts in the forms that the GPT-2 paper describes, and answers cut out of what is generated.
import IngotCore
import IngotTasks
import IngotTestSupport
import Testing

@Suite struct TaskTemplateTests {
  private func item(_ template: String, _ line: String) throws -> TaskItem {
    let template = try #require(TaskTemplate.named(template))
    return try #require(try TaskFile(Array(line.utf8), path: "task", template: template).items.first)
  }

  /// Prompts as formats/zero-shot.md has them.
  @Test(arguments: [
    ("plain", #"{"prompt": "It is ", "expected": "so"}"#, "It is ", "so"),
    ("translation", #"{"source": "the king", "expected": "le roi"}"#, "the king =", " le roi"),
    (
      "translation-instruction", #"{"source": "the king", "expected": "le roi"}"#,
      "translate English to French: the king =", " le roi"
    ),
    (
      "translation-instruction",
      #"{"source": "le roi", "from": "French", "to": "English", "expected": "the king"}"#,
      "translate French to English: le roi =", " the king"
    ),
    ("summarization", #"{"article": "Much.", "expected": "Less."}"#, "Much.\nTL;DR:", " Less."),
    (
      "reading-comprehension", #"{"document": "D.", "question": "Who?", "expected": "I"}"#,
      "D.\n\nQ: Who?\nA:",
      " I"
    ),
    (
      "reading-comprehension",
      #"{"document": "D.", "history": [{"question": "Why?", "answer": "So."}], "question": "Who?", "expected": "I"}"#,
      "D.\n\nQ: Why?\nA: So.\n\nQ: Who?\nA:", " I"
    ),
    (
      "childrens-books",
      #"{"context": "C.", "question": "The XXXXX sat.", "choices": ["cat", "dog"], "answer": "cat"}"#,
      "C.\nThe ", "cat sat."
    ),
    ("lambada", #"{"text": "He said,\nit is over. "}"#, "He said,\nit is", " over"),
    ("lambada", #"{"text": "one two ..."}"#, "one two", " ..."),
    ("winograd-full", #"{"text": "As _ is big", "choices": ["it", "he"], "answer": 1}"#, "As ", "it is big"),
  ])
  func `prompts have the forms of the page`(
    _ template: String, _ line: String, _ prompt: String, _ scored: String
  ) throws {
    let item = try item(template, line)
    #expect(item.prompt == prompt)
    #expect(item.texts.first?.scored == scored && item.texts.first?.lead == "")
    #expect(item.answered.hasPrefix(prompt))
  }

  @Test func `a text in two halves is judged by its second`() throws {
    let item = try item("winograd", #"{"text": "As _ is big", "choices": ["it", "he"], "answer": "he"}"#)
    #expect(item.prompt == "As " && item.texts.map(\.lead) == ["it", "he"])
    #expect(item.texts.allSatisfy { $0.scored == " is big" && $0.byteCount == 7 })
    #expect(item.answer == .choice(1) && item.answered == "As he is big")
  }

  @Test(arguments: [
    ("translation", "le roi", " le roi\nthe queen =", "le roi"),
    ("translation", "deux\nlignes", " deux\n lignes \nthree", "deux\n lignes"),
    ("translation", "roi", "", ""),
    ("lambada", "over", " over, and", "over"), ("lambada", "over", "\n\"over\" it", "\"over"),
    ("lambada", "...", " ... and", "..."),
    ("summarization", "x", " One. Two! “Three?” Four.", "One. Two! “Three?”"),
    ("summarization", "x", " Version 1.2 is out", "Version 1.2 is out"),
    ("plain", "x", "  as it is \n", "as it is"),
  ])
  func `answers end where the page says`(
    _ template: String, _ expected: String, _ text: String, _ answer: String
  ) throws {
    let cut = AnswerCut(for: try #require(TaskTemplate.named(template)), expected: [expected])
    #expect(cut.answer(in: text, behind: "") == answer)
  }

  @Test func `what a token has of the prompt is no part of the answer`() {
    #expect(AnswerCut(for: .plain, expected: ["happy"]).answer(in: "unhappy", behind: "un") == "happy")
  }

  @Test func `texts are compared and cut by bytes`() throws {
    let marked = try item(
      "winograd-full",
      #"{"text": "a _\u0301 b", "choices": ["e", "caf\u00e9", "cafe\u0301"], "answer": "cafe\u0301"}"#)
    #expect(marked.prompt == "a " && marked.answer == .choice(2))
    #expect(Array(marked.texts[0].scored.utf8) == Array("e\u{301} b".utf8))
  }

  @Test func `names are each one template's`() {
    #expect(Set(TaskTemplate.all.map(\.name)).count == TaskTemplate.all.count)
    #expect(TaskTemplate.all.allSatisfy { TaskTemplate.named($0.name) == $0 })
  }
}
