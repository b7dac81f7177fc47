// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding: a piece begins as bytes or characters, and neighbours are joined by a list of merges, by the ranks of
// the tokens that come of it, or by their scores. One model for GPT-1, GPT-2, tiktoken and SentencePiece.
// Page: formats/tokenizer.md.

/// Byte-pair encoding.
package struct BytePairModel: TokenModel {
  /// What pieces are made of at first, and what becomes of characters that no token covers.
  package struct Options: Sendable {
    /// Whether symbols are bytes; else they are characters.
    package var isByteLevel = true
    /// Whether a piece that is a token is taken whole, whatever merges say.
    package var takesWholePieces = false
    /// The token for characters that no other covers.
    package var unknown: UInt32?
    /// Whether neighbours that no token covers become one unknown token.
    package var fusesUnknown = false
    /// The tokens of single bytes, 256 of them, for characters that no other token covers; empty for none.
    package var byteTokens: [UInt32] = []
    /// What tokens begin with that go on with a word.
    package var prefix: [UInt8] = []
    /// What tokens end with that end a word.
    package var suffix: [UInt8] = []

    /// Makes the options of a byte-level model.
    package init() {}
  }

  let options: Options
  private let tokens: TokenTable
  private let merges: MergeTable
  /// By place in the word: its first character, one within, its last one, its only one.
  private let symbols: [SymbolTable]
  /// Whether characters may come that no token covers and none stands for: they are left out before neighbours are joined
  /// (huggingface/tokenizers, models/bpe/model.rs, `merge_word`).
  private let leavesOut: Bool
  /// Symbols from here on are none of the tokens'.
  private let firstInner: UInt32
  private let neighbours: CharacterPairs?

  /// Makes a model.
  ///
  /// - Parameters:
  ///   - tokens: the tokens that pieces can become, as the bytes that they stand for, prefix and suffix included.
  ///   - merges: pairs of symbols; see ``MergeBuilder``.
  ///   - innerSymbols: characters that are parts of tokens and none themselves, with their symbols.
  ///   - options: the rest.
  init(
    tokens: TokenTable, merges: MergeTable, innerSymbols: [UInt32: UInt32] = [:], options: Options
  ) {
    self.options = options
    self.tokens = tokens
    self.merges = merges
    firstInner = UInt32(truncatingIfNeeded: tokens.idCount)
    let first = Self.symbolTable(tokens, innerSymbols, options, isContinuing: false, isLast: false)
    let hasOnePlace = options.prefix.isEmpty && options.suffix.isEmpty
    symbols =
      hasOnePlace
      ? Array(repeating: first, count: 4)
      : [first]
        + [(true, false), (true, true), (false, true)].map {
          Self.symbolTable(tokens, innerSymbols, options, isContinuing: $0, isLast: $1)
        }
    leavesOut =
      options.unknown == nil && options.byteTokens.isEmpty && !(options.isByteLevel && first.byteCount == 256)
    let isPlain = hasOnePlace && !options.takesWholePieces
    neighbours = isPlain && !options.isByteLevel ? CharacterPairs(tokens) : nil
  }

  package var takesAnyBytes: Bool { options.isByteLevel }

  private static func symbolTable(
    _ tokens: TokenTable, _ innerSymbols: [UInt32: UInt32], _ options: Options, isContinuing: Bool,
    isLast: Bool
  ) -> SymbolTable {
    var table = SymbolTable()
    let prefix = isContinuing ? options.prefix : []
    let suffix = isLast ? options.suffix : []
    if prefix.isEmpty, suffix.isEmpty { for (code, symbol) in innerSymbols { table[code] = symbol } }
    for id in 0..<tokens.idCount {
      // One character is 4 bytes at the most.
      guard let bytes = tokens.bytes(of: id), bytes.count > prefix.count + suffix.count,
        bytes.count <= prefix.count + suffix.count + 4, bytes.starts(with: prefix),
        bytes.suffix(suffix.count).elementsEqual(suffix)
      else { continue }
      let text = bytes.dropFirst(prefix.count).dropLast(suffix.count)
      // Of two tokens with the same text, the one that is found by it.
      guard tokens.id(of: Array(bytes), 0..<bytes.count) == UInt32(id) else { continue }
      if options.isByteLevel {
        if text.count == 1, let byte = text.first { table[UInt32(byte)] = UInt32(id) }
      } else if let character = UTF8Scalar(only: text) {
        table[character.value] = UInt32(id)
      }
    }
    return table
  }

  package func encode(
    _ bytes: [UInt8], _ piece: Range<Int>, to output: inout [PieceToken], scratch: inout MergeScratch
  ) {
    if options.takesWholePieces, let id = tokens.id(of: bytes, piece) {
      output.append(PieceToken(id: id, length: UInt32(truncatingIfNeeded: piece.count)))
      return
    }
    scratch.symbols.removeAll(keepingCapacity: true)
    scratch.gaps.removeAll(keepingCapacity: true)
    if options.isByteLevel {
      for place in piece { add(symbols[0][UInt32(bytes[place])], at: place, length: 1, to: &scratch) }
    } else {
      addCharacters(bytes, piece, to: &scratch)
    }
    scratch.mergeAll(merges)
    var offset = piece.lowerBound
    var isBehindUnknown = false
    var gaps = scratch.gaps[...]
    for symbol in scratch.symbols {
      leaveOut(&gaps, at: &offset, to: &output)
      var end = offset + Int(symbol.length)
      var leftOut = 0
      while let gap = gaps.first, gap.offset < end {
        gaps.removeFirst()
        leftOut += gap.length
        end += gap.length
      }
      if symbol.id < firstInner {
        output.append(
          PieceToken(
            id: symbol.id, length: symbol.length + UInt32(truncatingIfNeeded: leftOut),
            leftOutWithin: UInt32(truncatingIfNeeded: leftOut)))
        isBehindUnknown = false
      } else {
        isBehindUnknown = addUncovered(bytes, offset..<end, isBehindUnknown, to: &output)
      }
      offset = end
    }
    leaveOut(&gaps, at: &offset, to: &output)
  }

  /// Adds the gaps that begin at an offset.
  private func leaveOut(
    _ gaps: inout ArraySlice<(offset: Int, length: Int)>, at offset: inout Int, to output: inout [PieceToken]
  ) {
    while let gap = gaps.first, gap.offset == offset {
      gaps.removeFirst()
      offset += gap.length
      output.append(PieceToken(id: PieceToken.leftOut, length: UInt32(truncatingIfNeeded: gap.length)))
    }
  }

  @inline(__always)
  private func add(_ symbol: UInt32, at offset: Int, length: Int, to scratch: inout MergeScratch) {
    if leavesOut, symbol == SymbolTable.none {
      scratch.gaps.append((offset, length))
    } else {
      scratch.add(symbol, length: length)
    }
  }

  private func addCharacters(_ bytes: [UInt8], _ piece: Range<Int>, to scratch: inout MergeScratch) {
    var offset = piece.lowerBound
    while offset < piece.upperBound {
      let character = UTF8Scalar(bytes, at: offset, end: piece.upperBound)
      let isFirst = offset == piece.lowerBound
      let isLast = offset + character.length >= piece.upperBound
      let table = isFirst ? (isLast ? 3 : 0) : (isLast ? 2 : 1)
      add(symbols[table][character.value], at: offset, length: character.length, to: &scratch)
      offset += character.length
    }
  }

  /// Adds what stands for a character that no token covers: its bytes, the unknown token, or that nothing does.
  ///
  /// - Returns: whether the unknown token stands at the end now.
  private func addUncovered(
    _ bytes: [UInt8], _ range: Range<Int>, _ isBehindUnknown: Bool, to output: inout [PieceToken]
  ) -> Bool {
    if !options.byteTokens.isEmpty {
      for place in range { output.append(PieceToken(id: options.byteTokens[Int(bytes[place])], length: 1)) }
      return false
    }
    guard let unknown = options.unknown else {
      output.append(PieceToken(id: PieceToken.leftOut, length: UInt32(truncatingIfNeeded: range.count)))
      return false
    }
    if isBehindUnknown, options.fusesUnknown, let last = output.indices.last {
      output[last].length += UInt32(truncatingIfNeeded: range.count)
    } else {
      output.append(PieceToken(id: unknown, length: UInt32(truncatingIfNeeded: range.count)))
    }
    return true
  }

  package func mayCut(_ bytes: [UInt8], at offset: Int) -> Bool {
    guard let neighbours, offset > 0, offset < bytes.count, bytes[offset] & 0xC0 != 0x80 else { return false }
    var start = offset - 1
    while start > 0, offset - start < 4, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    let left = UTF8Scalar(bytes, at: start, end: offset).value
    let right = UTF8Scalar(bytes, at: offset, end: bytes.count).value
    if neighbours.contains(left, right) { return false }
    // What stands around one that is left out may be joined.
    if leavesOut, symbols[1][left] == SymbolTable.none || symbols[1][right] == SymbolTable.none {
      return false
    }
    // Two that no token covers may become one unknown token.
    return !options.fusesUnknown || !options.byteTokens.isEmpty
      || symbols[1][left] < firstInner || symbols[1][right] < firstInner
  }
}

/// Which characters stand side by side in some token.
struct CharacterPairs: Sendable {
  private let pairs: Set<UInt64>

  /// Looks through all tokens.
  init(_ tokens: TokenTable) {
    var pairs: Set<UInt64> = []
    for id in 0..<tokens.idCount {
      guard let token = tokens.bytes(of: id) else { continue }
      let bytes = Array(token)
      var offset = 0
      var last: UInt32?
      while offset < bytes.count {
        let character = UTF8Scalar(bytes, at: offset, end: bytes.count)
        if let last { pairs.insert(UInt64(last) << 32 | UInt64(character.value)) }
        last = character.value
        offset += character.length
      }
    }
    self.pairs = pairs
  }

  func contains(_ left: UInt32, _ right: UInt32) -> Bool {
    pairs.contains(UInt64(left) << 32 | UInt64(right))
  }
}
