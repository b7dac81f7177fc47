// SPDX-License-Identifier: Apache-2.0
// A byte-level BPE, WordPiece or SentencePiece tokenizer as data: its tokens, merges or scores, and special ids. It tokenizes nothing; readers and
// writers of its spellings stand beside it. Page: formats/tokenizer.md.
import IngotCore

/// A byte-level BPE, WordPiece or SentencePiece tokenizer as data.
///
/// - SeeAlso: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016, for merges; Radford
///   et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.2, for bytes; Wu et al., "Google's
///   Neural Machine Translation System", 2016, section 4.1, for WordPiece.
package struct TokenizerVocabulary: Hashable, Sendable {
  /// How words become tokens.
  package enum Model: Hashable, Sendable {
    /// Pairs of pieces are joined, the first ones of the list first: `Ġ th`.
    case bytePairs(merges: [String])
    /// The longest piece that there is, then the longest of what is left.
    ///
    /// - Parameter lowercases: whether text is lowercased first; `nil` where no file says.
    case wordPieces(lowercases: Bool?)
    /// Characters are joined, to pieces of the highest score first; what no piece covers becomes bytes.
    ///
    /// - Parameters:
    ///   - scores: by id.
    ///   - addsPrefix: whether a space is put before a text.
    case sentencePieces(scores: [Float], addsPrefix: Bool)
  }

  /// What a token is for.
  ///
  /// The raw values are llama.cpp's.
  package enum TokenKind: Int32, Hashable, Sendable {
    /// A piece of text.
    case normal = 1
    /// What stands for text that no token covers.
    case unknown = 2
    /// A mark that no text gives, such as the end of a document.
    case control = 3
    /// A piece of text that was added by hand.
    case userDefined = 4
    /// A row of the embedding that no token has.
    case unused = 5
    /// A single byte.
    case byte = 6
  }

  /// One token.
  package struct Token: Hashable, Sendable {
    /// Its text: of byte pairs each byte as the letter that GPT-2 writes for it, `Ġthe` for a space and `the`; of word
    /// pieces with `##` before one that goes on a word.
    package var text: String
    /// What it is for.
    package var kind: TokenKind

    /// Makes a token.
    package init(_ text: String, _ kind: TokenKind) {
      self.text = text
      self.kind = kind
    }
  }

  /// Marks that programs ask for by purpose.
  package enum SpecialToken: String, CaseIterable, Hashable, Sendable {
    case beginning = "bos"
    case end = "eos"
    case unknown = "unk"
    case separator = "sep"
    case padding = "pad"
    case classification = "cls"
    case mask = "mask"
  }

  /// The tokens by id.
  package var tokens: [Token]
  /// How words become tokens.
  package var model: Model
  /// Ids by purpose.
  package var specialIDs: [SpecialToken: Int]
  /// Whether a mark is put to every text, where the publisher says so.
  package var adds: [SpecialToken: Bool]
  /// How text is cut before pairs are joined, by GGUF's name for it; `nil` where it has none.
  package var cut: String? = "gpt-2"
  /// What becomes of a text before it is cut that GGUF has no key for.
  package var changes: [Evidence] = []
  /// The publisher's template of a conversation, if there is one.
  package var chatTemplate: String?

  /// Makes a vocabulary.
  package init(
    tokens: [Token], model: Model, specialIDs: [SpecialToken: Int] = [:],
    adds: [SpecialToken: Bool] = [:], chatTemplate: String? = nil
  ) {
    self.tokens = tokens
    self.model = model
    self.specialIDs = specialIDs
    self.adds = adds
    self.chatTemplate = chatTemplate
  }

  /// Throws for a word piece that is no line of vocab.txt.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-03.
  func requireLines(at location: Location) throws(IngotError) {
    guard case .wordPieces = model,
      let token = tokens.first(where: { $0.text.utf8.contains { $0 == 0x0A || $0 == 0x0D } })
    else { return }
    throw .malformed(
      TokenizerRule.token.rule, at: location, found: .value(token.text),
      expected: "a piece without a line break")
  }

  /// The tokens that stand for something; rows that none has are left out.
  package var usedTokenCount: Int { tokens.count { $0.kind != .unused } }

  /// Fills ids up to the rows of the embedding with tokens that stand for nothing, named as llama.cpp's converter does.
  ///
  /// - Parameter count: rows of the token embedding.
  package mutating func pad(to count: Int) {
    while tokens.count < count { tokens.append(Token("[PAD\(tokens.count)]", .unused)) }
    setScores()
  }

  /// Gives a score to each token that has none: what was added, and rows that stand for nothing.
  ///
  /// - SeeAlso: `ggml-org/llama.cpp: conversion/base.py`, `_create_vocab_sentencepiece`.
  private mutating func setScores() {
    guard case .sentencePieces(let scores, let addsPrefix) = model else { return }
    let others = tokens.dropFirst(scores.count).map { $0.kind == .unused ? Float(-10_000) : -1000 }
    model = .sentencePieces(scores: Array(scores.prefix(tokens.count)) + others, addsPrefix: addsPrefix)
  }
}

/// The rules of `formats/tokenizer.md`.
package enum TokenizerRule: String, FormatRule {
  case json = "TK-01"
  case model = "TK-02"
  case token = "TK-03"
  case uniqueID = "TK-04"
  case dense = "TK-05"
  case merge = "TK-06"
  case specialID = "TK-07"
  case kind = "TK-08"
  case mergeToken = "TK-09"
  case component = "TK-10"
  case addedToken = "TK-11"
  case ranks = "TK-12"
  case pieces = "TK-13"
}
