// SPDX-License-Identifier: Apache-2.0
// Texts that end what is generated, however the bytes come.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct StopTextTests {
  /// What comes out of bytes that are cut in some way.
  private static func shown(_ text: String, stops: [String], pieceCount: Int) -> (text: String, stopped: Bool)
  {
    var stop = StopTexts(stops)
    var shown: [UInt8] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: pieceCount) {
      shown += stop.add(Array(bytes[start..<min(start + pieceCount, bytes.count)]))
    }
    if !stop.hasStopped { shown += stop.finish() }
    return (String(decoding: shown, as: UTF8.self), stop.hasStopped)
  }

  @Test(arguments: 1...7)
  func `the text that is whole first ends it, wherever pieces are cut`(_ pieceCount: Int) {
    let cases: [(text: String, stops: [String], shown: String, stopped: Bool)] = [
      ("one two three", ["two"], "one ", true), ("one two three", ["four"], "one two three", false),
      ("aaab", ["aab"], "a", true), ("abcabd", ["abd", "cab"], "ab", true), ("a\n\nb", ["\n\n"], "a", true),
      ("nothing", [""], "nothing", false), ("ends with on", ["one"], "ends with on", false),
      ("über ü", ["ü"], "", true), ("x", ["x"], "", true), ("abcd", ["bcd", "c"], "ab", true),
    ]
    for given in cases {
      let (shown, stopped) = Self.shown(given.text, stops: given.stops, pieceCount: pieceCount)
      #expect(shown == given.shown && stopped == given.stopped, "\(given.text) \(given.stops) \(pieceCount)")
    }
  }

  @Test func `what can't be the beginning of a text any more is shown at once`() {
    var stop = StopTexts(["<end>"])
    #expect(stop.add(Array("a<e".utf8)) == Array("a".utf8))
    #expect(stop.add(Array("x".utf8)) == Array("<ex".utf8))
    #expect(stop.finish() == [])
  }
}
