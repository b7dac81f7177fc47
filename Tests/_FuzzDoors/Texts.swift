// SPDX-License-Identifier: Apache-2.0
// Doors into what a tokenizer's files bring along besides tokens: patterns that cut text, and SentencePiece's maps of characters.
import IngotCore
import IngotText

extension FuzzDoor {
  static let texts: [FuzzDoor] = [
    FuzzDoor("split-pattern") { (bytes) throws(IngotError) in
      // A regular expression and a text with a record separator between; the first byte says whose syntax it is.
      let kind = bytes.first ?? 0
      let parts = bytes.dropFirst().split(separator: 0x1E, maxSplits: 1, omittingEmptySubsequences: false)
      guard let source = parts.first else { return }
      let pattern = try TextPattern(
        String(decoding: source, as: UTF8.self), dialect: kind & 1 == 0 ? .oniguruma : .fancyRegex,
        at: Location("tokenizer.json"))
      let text = Array(parts.count > 1 ? parts[1] : [])
      let asLetters = kind & 2 != 0
      let whole = pieces(pattern, text, asLetters: asLetters)
      // What is certain of a beginning is the beginning of what is found in all.
      for half in [text.count / 3, text.count / 2] {
        // Streams are given whole characters.
        let count = asLetters ? half : Array(text[..<half]).countOfWholeCharacters
        var certain: [Range<Int>] = []
        var scan = PatternScan(pattern)
        let rest = scan.run(Array(text[..<count]), 0..<count, isEnd: false, asLetters: asLetters) {
          range, _ in
          certain.append(range)
        }
        precondition(whole.starts(with: certain), "a beginning is cut otherwise")
        precondition(rest <= count && rest == certain.last?.upperBound ?? 0, "a rest that begins elsewhere")
      }
    },
    FuzzDoor("precompiled") { (bytes) throws(IngotError) in
      // The length of a map in two bytes, the map, then text.
      guard bytes.count >= 2 else { return }
      let count = min(Int(bytes[0]) | Int(bytes[1]) << 8, bytes.count - 2)
      let map = try Precompiled(Array(bytes[2..<2 + count]), at: Location("tokenizer.json"))
      guard map.growth <= 64 else { return }
      let original = Array(String(decoding: bytes[(2 + count)...], as: UTF8.self).utf8)
      var whole = NormalizedText(original)
      map.normalize(&whole)
      precondition(whole.bytes.count <= original.count * map.growth, "more bytes than said")
      var last = 0
      for place in whole.bytes.indices {
        let origin = whole.origin(of: place..<place + 1)
        precondition(origin.lowerBound >= last && origin.upperBound <= original.count, "an origin elsewhere")
        last = origin.lowerBound
      }
      var stream = NormalizerStream(map)
      var output: [UInt8] = []
      for start in stride(from: 0, through: original.count, by: 7) {
        var end = min(start + 7, original.count)
        // Streams are given whole characters.
        while end < original.count, original[end] & 0xC0 == 0x80 { end += 1 }
        var first = start
        while first > 0, first < original.count, original[first] & 0xC0 == 0x80 { first += 1 }
        let isEnd = end == original.count
        output +=
          stream.push(
            NormalizedText(
              Array(original[min(first, end)..<end]), at: min(first, end), isStart: start == 0, isEnd: isEnd)
          ).bytes
        if isEnd { break }
      }
      precondition(output == whole.bytes, "a stream gives another text")
    },
  ]

  /// The pieces of a text, which have no gaps between them, and take a bounded number of steps a byte.
  private static func pieces(_ pattern: TextPattern, _ text: [UInt8], asLetters: Bool) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var scan = PatternScan(pattern)
    let end = scan.run(text, 0..<text.count, isEnd: true, asLetters: asLetters) { range, _ in
      precondition(range.lowerBound == pieces.last?.upperBound ?? 0 && !range.isEmpty, "pieces with a gap")
      pieces.append(range)
    }
    precondition(
      end == text.count && pieces.last?.upperBound ?? 0 == text.count, "a text that is not cut whole")
    return pieces
  }
}
