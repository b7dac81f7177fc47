// SPDX-License-Identifier: Apache-2.0
// A tokenizer: normalizer → pre-tokenizer → model → post-processor → decoder, and the tokens that are looked for first. Files of
// all kinds become this one value; TokenEncoder and TokenTextStream carry it out. Page: formats/tokenizer.md.
import IngotCore

/// A tokenizer.
package struct Tokenizer: Sendable {
  /// Changes text first; `nil` leaves it.
  package var normalizer: (any Normalizer)?
  /// Cuts text; `nil` where the model takes it whole.
  package var preTokenizer: (any PreTokenizer)?
  /// Turns pieces into tokens.
  package var model: any TokenModel
  /// What is put around a text's tokens.
  package var postProcessor: PostProcessor
  /// Turns tokens' texts into text.
  package var decoder: any TokenDecoder
  /// What decoders are given for each id: texts, or bytes where tokens are bytes.
  package var texts: TokenTable
  /// The tokens that are looked for first.
  package let addedTokens: [AddedToken]
  /// The id of the token that hides another from a model that is to guess it; `nil` where no file names one.
  package var mask: UInt32?
  /// Where it was read from.
  package var source: String
  /// What its files leave open and was taken for granted; `nil` where they say all.
  package var assumption: Evidence?

  let finder: AddedTokenFinder?
  let normalizedFinder: AddedTokenFinder?
  private let specialIDs: Set<UInt32>

  /// Puts a tokenizer together.
  init(
    normalizer: (any Normalizer)?, preTokenizer: (any PreTokenizer)?, model: any TokenModel,
    postProcessor: PostProcessor, decoder: any TokenDecoder, texts: TokenTable, addedTokens: [AddedToken],
    source: String
  ) {
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.model = model
    self.postProcessor = postProcessor
    self.decoder = decoder
    self.texts = texts
    self.addedTokens = addedTokens
    self.source = source
    specialIDs = Set(addedTokens.filter(\.isSpecial).map(\.id))
    let plain = addedTokens.filter { !$0.isNormalized && $0.isSought }
    finder = AddedTokenFinder(plain, texts: plain.map(\.content))
    let changed = addedTokens.filter { $0.isNormalized && $0.isSought }
    normalizedFinder = AddedTokenFinder(
      changed,
      texts: changed.map { token in
        if let content = token.normalizedContent { return content }
        var text = NormalizedText(token.content, tracksOrigins: false)
        normalizer?.normalize(&text)
        return text.bytes
      })
  }

  /// Whether a token is a mark, which no reader of a text is shown.
  package func isSpecial(_ id: UInt32) -> Bool { specialIDs.contains(id) }

  /// The tokens of a text.
  ///
  /// - Parameters:
  ///   - bytes: the text, in UTF-8; any bytes where tokens are bytes.
  ///   - name: what it is called in messages.
  ///   - addsSpecial: whether the post-processor's tokens are put around it.
  ///   - wantsOffsets: whether each token's place in the text is told.
  /// - Returns: the tokens.
  /// - Throws: what ``TokenEncoder`` throws.
  package func encode(
    _ bytes: [UInt8], name: String = "text", addsSpecial: Bool = false, wantsOffsets: Bool = false
  ) throws(IngotError) -> EncodedText {
    var encoder = TokenEncoder(self, name: name, addsSpecial: addsSpecial, wantsOffsets: wantsOffsets)
    var output = EncodedText()
    var start = 0
    while start < bytes.count {
      let end = min(start + TokenEncoder.chunkBytes, bytes.count)
      try encoder.add(bytes[start..<end], to: &output)
      start = end
    }
    try encoder.finish(to: &output)
    output.leftOutBytes = encoder.leftOutBytes
    return output
  }

  /// The bytes that ids stand for.
  ///
  /// - Parameters:
  ///   - ids: the ids.
  ///   - skipsSpecial: whether marks are left out.
  /// - Returns: the bytes, with nothing added.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an id that no token has.
  package func decode(_ ids: some Sequence<UInt32>, skipsSpecial: Bool = false) throws(IngotError) -> [UInt8]
  {
    var stream = TokenTextStream(self, skipsSpecial: skipsSpecial)
    var bytes: [UInt8] = []
    for id in ids { bytes += try stream.add(id) }
    return bytes + stream.finish()
  }
}

/// The tokens of a text.
package struct EncodedText: Hashable, Sendable {
  /// The ids.
  package var ids: [UInt32] = []
  /// The bytes of the text that each token stands for, where they were asked for; none for what a post-processor added.
  package var ranges: [Range<Int>] = []

  /// Bytes that no token covers, and that have none in their place.
  package var leftOutBytes = 0

  /// Makes an empty list.
  package init() {}
}
