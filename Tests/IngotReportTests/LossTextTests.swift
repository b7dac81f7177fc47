// SPDX-License-Identifier: Apache-2.0
// What a conversion could not keep, as people read it: one line a reason.
import IngotKit
import IngotReport
import Testing

@Suite struct LossTextTests {
  private func lines(_ losses: [Loss]) -> [String] { LossText.lines(losses, style: TextStyle()) }

  @Test func `what is alike but for its name is one line`() {
    let files = ["config.json", "vocab.json"].map { name in
      Loss(.companion, detail: "\(name): no place beside a file")
    }
    let buffers = (0..<12).map { Loss(.dropped, tensor: "h.\($0).attn.bias", detail: "a mask buffer") }
    #expect(
      lines(files + buffers + [Loss(.metadata, detail: "a word that names nothing")]) == [
        "not kept  config.json, vocab.json: no place beside a file",
        "left out  "
          + (0..<4).map { "h.\($0).attn.bias" }.joined(separator: ", ") + " and 8 more: a mask buffer",
        "not kept  a word that names nothing",
      ])
  }

  @Test func `of one kind four lines are shown, and the rest is counted`() {
    let losses = (0..<7).map { Loss(.alias, tensor: "t\($0)", detail: "shares its bytes with \($0)") }
    let text = lines(losses)
    #expect(text.count == 5 && text[0] == "untied    t0: shares its bytes with 0")
    #expect(text[4] == "… 3 more of this kind in --json")
  }

  @Test func `counts of elements add up`() {
    let losses = (1...3).map {
      Loss(.cast, tensor: "t\($0)", detail: "\($0) of \(10 * $0, "value") rounded to \(.bf16)")
    }
    #expect(lines(losses) == ["rounded   t1, t2, t3: 6 of 60 values rounded to BF16"])
  }

  @Test func `one thing is one, and its verb agrees`() {
    func line(_ count: Int) -> [String] {
      lines([Loss(.overflow, tensor: "t", detail: "\(count, "value is", "values are") infinite")])
    }
    #expect(line(1) == ["overflow  t: 1 value is infinite"])
    #expect(line(2) == ["overflow  t: 2 values are infinite"])
    let losses = ["a", "b"].map {
      Loss(.overflow, tensor: $0, detail: "\(1, "value is", "values are") infinite")
    }
    #expect(lines(losses) == ["overflow  a, b: 2 values are infinite"])
    #expect(
      [0, 1, 2].map { "\(Count($0, "byte")), \(Count($0, "entry", "entries"))" } == [
        "0 bytes, 0 entries", "1 byte, 1 entry", "2 bytes, 2 entries",
      ])
  }

  @Test func `names that a stranger chose are shown escaped, and one is shown however long it is`() {
    let text = lines([Loss(.metadata, detail: "\("a\u{1B}[2J" + String(repeating: "b", count: 50)): lost")])
    #expect(text.count == 1 && !text[0].contains("\u{1B}") && text[0].hasSuffix(": lost"))
  }
}
