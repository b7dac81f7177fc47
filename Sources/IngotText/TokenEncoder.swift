// SPDX-License-Identifier: Apache-2.0
// Text to tokens as a stream: each stage lets go what nothing that follows can change, so that chunks give the very ids that
// the whole text gives. Memory is that of a chunk, and of the longest piece, which is limited.
import IngotCore

/// Turns text into tokens, chunk by chunk.
package struct TokenEncoder: Sendable {
  /// How much text is worked on at once.
  package static let chunkBytes = 256 << 10

  private let tokenizer: Tokenizer
  private let name: String
  private let addsSpecial: Bool
  private let wantsOffsets: Bool
  private var cache = PieceCache()
  private var scratch = MergeScratch()
  private var tokens: [PieceToken] = []

  /// Bytes of the normalized text that no token covers, and that have none in their place: they are left out.
  package private(set) var leftOutBytes = 0

  /// Text that no stage has taken yet, and its place in the whole.
  private var pending: [UInt8] = []
  private var pendingStart = 0
  /// How much has to be pending before it is looked at again: twice what could not be let go the last time.
  private var patience = 0
  /// The last character that was taken.
  private var lastCharacter: UInt32?
  /// What the normalizer has not let go; `nil` between sections.
  private var section: NormalizerStream?
  /// What the finder of normalized tokens has not let go.
  private var normalized: NormalizedText?
  private var lastNormalized: UInt32?
  /// What the pre-tokenizer has not let go.
  private var open: NormalizedText?
  private var hasBegun = false
  /// Whether a token of the text came already.
  private var hasTokens = false

  /// Begins a text.
  ///
  /// - Parameters:
  ///   - tokenizer: the tokenizer.
  ///   - name: what the text is called in messages.
  ///   - addsSpecial: whether the post-processor's tokens are put around it.
  ///   - wantsOffsets: whether each token's place in the text is told.
  package init(_ tokenizer: Tokenizer, name: String, addsSpecial: Bool = false, wantsOffsets: Bool = false) {
    self.tokenizer = tokenizer
    self.name = name
    self.addsSpecial = addsSpecial
    self.wantsOffsets = wantsOffsets
  }

  /// Takes the next bytes.
  ///
  /// - Parameters:
  ///   - bytes: any part of the text; characters may be cut.
  ///   - output: gets the tokens that are certain by now.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for text that is no UTF-8 where it must be;
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a piece without an end.
  package mutating func add(_ bytes: some Collection<UInt8>, to output: inout EncodedText) throws(IngotError)
  {
    pending.append(contentsOf: bytes)
    guard pending.count >= patience else { return }
    try work(isEnd: false, to: &output)
  }

  /// Ends the text.
  package mutating func finish(to output: inout EncodedText) throws(IngotError) {
    try work(isEnd: true, to: &output)
    begin(&output)
    if addsSpecial { append(tokenizer.postProcessor.behind, to: &output) }
  }

  private mutating func begin(_ output: inout EncodedText) {
    guard !hasBegun else { return }
    hasBegun = true
    if addsSpecial { append(tokenizer.postProcessor.before, to: &output) }
  }

  private func append(_ ids: [UInt32], to output: inout EncodedText) {
    output.ids += ids
    if wantsOffsets { output.ranges += ids.map { _ in 0..<0 } }
  }

  // MARK: - Added tokens

  private mutating func work(isEnd: Bool, to output: inout EncodedText) throws(IngotError) {
    let count = isEnd ? pending.count : pending.countOfWholeCharacters
    let bytes = Array(pending[..<count])
    let cut = Array(pending[count...])
    if !tokenizer.model.takesAnyBytes, let place = bytes.firstInvalidUTF8 {
      throw .unsuitable(
        Location(name, offset: pendingStart + place),
        why: "is not UTF-8, and this tokenizer takes nothing else",
        hint: nil)
    }
    let (parts, settled) =
      tokenizer.finder?.parts(of: bytes, behind: lastCharacter, isEnd: isEnd)
      ?? (bytes.isEmpty ? [] : [.text(0..<bytes.count)], bytes.count)
    for (index, part) in parts.enumerated() {
      switch part {
      case .text(let range):
        let text = NormalizedText(
          Array(bytes[range]), at: pendingStart + range.lowerBound, isStart: section == nil,
          isEnd: index + 1 < parts.count || (isEnd && range.upperBound == bytes.count),
          tracksOrigins: wantsOffsets)
        try take(text, to: &output)
      case .token(let token, let range):
        try endSection(to: &output)
        put(token, pendingStart + range.lowerBound..<pendingStart + range.upperBound, to: &output)
      }
    }
    if isEnd { try endSection(to: &output) }
    if settled > 0 { lastCharacter = bytes.character(before: settled).value }
    pendingStart += settled
    pending = Array(bytes[settled...]) + cut
    try limitWaiting()
  }

  /// Refuses text of which no stage lets anything go, and waits longer before what is left is looked at again.
  private mutating func limitWaiting() throws(IngotError) {
    let waiting = pending.count + heldCount
    try requirePiece(of: waiting)
    patience = waiting
  }

  /// What the stages behind the finder hold back.
  private var heldCount: Int {
    (section?.heldCount ?? 0) + (normalized?.bytes.count ?? 0) + (open?.bytes.count ?? 0)
  }

  private func requirePiece(of byteCount: Int) throws(IngotError) {
    guard byteCount <= Limit.tokenizerPieceBytes.value else {
      throw .limitExceeded(
        .tokenizerPieceBytes, at: Location(name, offset: pendingStart), asked: UInt64(byteCount))
    }
  }

  private mutating func put(_ token: AddedToken, _ range: Range<Int>, to output: inout EncodedText) {
    begin(&output)
    hasTokens = true
    output.ids.append(token.id)
    if wantsOffsets { output.ranges.append(range) }
  }

  // MARK: - Normalizer

  private mutating func endSection(to output: inout EncodedText) throws(IngotError) {
    guard section != nil else { return }
    try take(NormalizedText([], isStart: false, isEnd: true, tracksOrigins: wantsOffsets), to: &output)
  }

  /// Takes a section's next chunk; where much may come of little, in small parts.
  private mutating func take(_ chunk: NormalizedText, to output: inout EncodedText) throws(IngotError) {
    let step = max(1024, Self.chunkBytes * 16 / (tokenizer.normalizer?.growth ?? 1))
    var rest = chunk
    while rest.bytes.count > step {
      var part = rest
      rest = part.splitOff(from: rest.bytes.characterRange(at: step).lowerBound)
      takePart(part, to: &output)
      try requirePiece(of: heldCount)
    }
    takePart(rest, to: &output)
    try requirePiece(of: heldCount)
  }

  private mutating func takePart(_ chunk: NormalizedText, to output: inout EncodedText) {
    var stream = section ?? NormalizerStream(tokenizer.normalizer)
    let text = stream.push(chunk)
    section = chunk.isEnd ? nil : stream
    guard !text.bytes.isEmpty || text.isEnd else { return }
    takeNormalized(text, to: &output)
  }

  // MARK: - Normalized tokens

  private mutating func takeNormalized(_ chunk: NormalizedText, to output: inout EncodedText) {
    guard let finder = tokenizer.normalizedFinder else { return cut(chunk, to: &output) }
    var text = chunk
    if var waiting = normalized {
      waiting.append(chunk)
      text = waiting
    }
    let (parts, settled) = finder.parts(of: text.bytes, behind: lastNormalized, isEnd: chunk.isEnd)
    lastNormalized = settled > 0 ? text.bytes.character(before: settled).value : lastNormalized
    var rest = text
    var pieces: [(AddedTokenFinder.Part, NormalizedText)] = []
    var left = rest.splitOff(from: settled)
    left.isEnd = false
    // From the last part to the first, so that each byte is moved once.
    for part in parts.reversed() {
      let start =
        switch part {
        case .text(let range): range.lowerBound;
        case .token(_, let range): range.lowerBound
        }
      pieces.append((part, rest.splitOff(from: start)))
    }
    normalized = chunk.isEnd ? nil : left
    for (index, (part, piece)) in pieces.reversed().enumerated() {
      var piece = piece
      switch part {
      case .text:
        piece.isStart = open == nil
        piece.isEnd = chunk.isEnd && index + 1 == pieces.count || index + 1 < pieces.count
        cut(piece, to: &output)
      case .token(let token, _):
        endPieces(to: &output)
        put(token, piece.origin(of: 0..<piece.bytes.count), to: &output)
      }
    }
    if chunk.isEnd {
      endPieces(to: &output)
      lastNormalized = nil
    }
  }

  // MARK: - Pieces

  private mutating func endPieces(to output: inout EncodedText) {
    guard open != nil else { return }
    cut(NormalizedText([], isStart: false, isEnd: true, tracksOrigins: wantsOffsets), to: &output)
  }

  private mutating func cut(_ chunk: NormalizedText, to output: inout EncodedText) {
    var text = chunk
    if var waiting = open {
      waiting.append(chunk)
      text = waiting
    }
    text.isEnd = chunk.isEnd
    var cut = PreTokenizedText(text)
    tokenizer.preTokenizer?.split(&cut)
    if tokenizer.preTokenizer?.keepsWhole ?? true {
      var rest = cut.text
      let end = encodeRuns(of: rest, to: &output)
      open = chunk.isEnd ? nil : rest.splitOff(from: end)
    } else {
      for piece in cut.pieces { encode(piece, of: cut.text, to: &output) }
      open = chunk.isEnd ? nil : cut.takeOpenTail()
    }
  }

  /// Encodes text that no pre-tokenizer cuts: where the model may, it is cut into short pieces.
  ///
  /// - Returns: where what is open begins.
  private mutating func encodeRuns(of text: NormalizedText, to output: inout EncodedText) -> Int {
    let bytes = text.bytes
    var start = 0
    var place = 1
    while place < bytes.count {
      if bytes[place] & 0xC0 != 0x80, tokenizer.model.mayCut(bytes, at: place) {
        encode(start..<place, of: text, to: &output)
        start = place
      }
      place += 1
    }
    guard text.isEnd, start < bytes.count else { return start }
    encode(start..<bytes.count, of: text, to: &output)
    return bytes.count
  }

  private mutating func encode(_ piece: Range<Int>, of text: NormalizedText, to output: inout EncodedText) {
    begin(&output)
    tokens.removeAll(keepingCapacity: true)
    if !cache.find(text.bytes, piece, to: &tokens) {
      tokenizer.model.encode(text.bytes, piece, to: &tokens, scratch: &scratch)
      cache.keep(tokens[...], of: text.bytes, piece)
    }
    guard wantsOffsets else {
      for token in tokens {
        if token.id != PieceToken.leftOut { output.ids.append(token.id) }
        leaveOut(token)
      }
      return
    }
    var place = piece.lowerBound
    for token in tokens {
      let end = place + Int(token.length)
      defer { place = end }
      leaveOut(token)
      guard token.id != PieceToken.leftOut else { continue }
      output.ids.append(token.id)
      output.ranges.append(range(of: place..<end, in: text, isFirst: !hasTokens))
      hasTokens = true
    }
  }

  private mutating func leaveOut(_ token: PieceToken) {
    leftOutBytes += Int(token.id == PieceToken.leftOut ? token.length : token.leftOutWithin)
  }

  /// The bytes of the original, less the spaces that the post-processor trims.
  ///
  /// - SeeAlso: huggingface/tokenizers, pre_tokenizers/byte_level.rs, `process_offsets`.
  private func range(of range: Range<Int>, in text: NormalizedText, isFirst: Bool) -> Range<Int> {
    let origin = text.origin(of: range)
    guard tokenizer.postProcessor.trimsOffsets else { return origin }
    let bytes = text.bytes[range]
    var leading = bytes.prefix { $0 == 0x20 }.count
    let trailing = bytes.reversed().prefix { $0 == 0x20 }.count
    if leading == 1, tokenizer.postProcessor.hasPrefixSpace, isFirst || origin.lowerBound == 0 { leading = 0 }
    let start = min(origin.lowerBound + leading, origin.upperBound)
    return start..<max(origin.upperBound - trailing, start)
  }
}

extension [UInt8] {
  /// Where the first byte stands that is no UTF-8.
  var firstInvalidUTF8: Int? {
    withUnsafeBufferPointer { bytes in
      var place = 0
      while place < bytes.count {
        let scalar = UTF8Scalar(bytes, at: place, end: bytes.count)
        guard scalar.isCharacter else { return place }
        place += scalar.length
      }
      return nil
    }
  }
}
