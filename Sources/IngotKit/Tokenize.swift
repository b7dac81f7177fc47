// SPDX-License-Identifier: Apache-2.0
// `tokenize` and `detokenize`: text to tokens and back, in memory or as streams.
import IngotBytes
import IngotCore
import IngotText

/// The tokens of a text.
public struct TokenizeReport: Hashable, Sendable {
  /// The ids.
  public var ids: [Int]
  /// The bytes of the text that each token stands for; an empty range at 0 for what was put around the text.
  public var offsets: [Range<Int>]
  /// What the tokenizer's files leave open and was taken for granted; `nil` where they say all.
  public var assumption: Evidence?
  /// How many bytes of the text are in no token: none covers them, and there is none for what is unknown.
  public var leftOutBytes = 0
}

/// Options of ``Ingot/tokenize(_:text:options:)`` and ``Ingot/detokenize(_:ids:options:)``.
public struct TokenizeOptions: Sendable {
  /// Whether the tokens are added that the tokenizer puts around a text, such as one for its beginning.
  public var addsSpecial = false
  /// How a checkpoint that holds the tokenizer is read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options.
  public init() {}
}

extension Ingot {
  /// Turns text into tokens.
  ///
  /// - Parameters:
  ///   - path: the tokenizer: a folder with its files, one of these, or a checkpoint that holds it.
  ///   - text: the text, in UTF-8; any bytes where the tokenizer works on bytes.
  ///   - options: what is added.
  /// - Returns: the tokens.
  /// - Throws: the errors of the tokenizer's files; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for text that it has no
  ///   tokens for.
  public static func tokenize(
    _ path: String, text: [UInt8], options: TokenizeOptions = TokenizeOptions()
  ) throws(IngotError) -> TokenizeReport {
    let tokenizer = try tokenizer(path, options: options)
    let tokens = try tokenizer.encode(text, addsSpecial: options.addsSpecial, wantsOffsets: true)
    return TokenizeReport(
      ids: tokens.ids.map(Int.init), offsets: tokens.ranges, assumption: tokenizer.assumption,
      leftOutBytes: tokens.leftOutBytes)
  }

  /// Turns tokens into text.
  ///
  /// - Parameters:
  ///   - path: the tokenizer, as for ``tokenize(_:text:options:)``.
  ///   - ids: the tokens' ids.
  ///   - options: how to read.
  /// - Returns: the text's bytes, with nothing added.
  /// - Throws: the errors of the tokenizer's files; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an id that no token
  ///   has.
  public static func detokenize(
    _ path: String, ids: [Int], options: TokenizeOptions = TokenizeOptions()
  ) throws(IngotError) -> [UInt8] {
    let tokenizer = try tokenizer(path, options: options)
    return try tokenizer.decode(ids.map { UInt32(exactly: $0) ?? .max })
  }

  private static func tokenizer(_ path: String, options: TokenizeOptions) throws(IngotError) -> Tokenizer {
    try TokenizerOpener(work: options.work, reading: options.reading).open(path, isOnlyInput: true)
  }

  /// Turns text into tokens as it is read.
  ///
  /// - Parameters:
  ///   - path: the tokenizer.
  ///   - input: the text.
  ///   - wantsOffsets: whether places in the text are told.
  ///   - options: what is added.
  ///   - body: takes the next tokens.
  /// - Returns: what the tokenizer's files leave open, and how many bytes are in no token.
  /// - Throws: as ``tokenize(_:text:options:)`` does, the input's errors, and those of `body`.
  package static func tokenize(
    _ path: String, from input: () throws(IngotError) -> InputStream, wantsOffsets: Bool,
    options: TokenizeOptions,
    _ body: (_ ids: [UInt32], _ offsets: [Range<Int>]) throws(IngotError) -> Void
  ) throws(IngotError) -> (assumption: Evidence?, leftOutBytes: Int) {
    let tokenizer = try tokenizer(path, options: options)
    let input = try input()
    var encoder = TokenEncoder(
      tokenizer, name: input.name, addsSpecial: options.addsSpecial, wantsOffsets: wantsOffsets)
    var output = EncodedText()
    while true {
      if Process.isInterrupted { throw .interrupted }
      let chunk = try input.next()
      if chunk.isEmpty { try encoder.finish(to: &output) } else { try encoder.add(chunk, to: &output) }
      try body(output.ids, output.ranges)
      if chunk.isEmpty { return (tokenizer.assumption, encoder.leftOutBytes) }
      output.ids.removeAll(keepingCapacity: true)
      output.ranges.removeAll(keepingCapacity: true)
    }
  }

  /// Turns tokens into text as they are read: numbers between white space or commas.
  ///
  /// - Parameters:
  ///   - path: the tokenizer.
  ///   - input: the ids.
  ///   - wholeCharacters: whether the beginning of a character waits for its rest.
  ///   - options: how to read.
  ///   - body: takes the next bytes.
  /// - Throws: as ``detokenize(_:ids:options:)`` does, the input's errors, and those of `body`.
  package static func detokenize(
    _ path: String, from input: () throws(IngotError) -> InputStream, wholeCharacters: Bool,
    options: TokenizeOptions, _ body: (_ bytes: [UInt8]) throws(IngotError) -> Void
  ) throws(IngotError) {
    let tokenizer = try tokenizer(path, options: options)
    let input = try input()
    var ids = IDScanner(name: input.name)
    var stream = TokenTextStream(tokenizer, wholeCharacters: wholeCharacters)
    while true {
      if Process.isInterrupted { throw .interrupted }
      let chunk = try input.next()
      var text: [UInt8] = []
      for id in try chunk.isEmpty ? ids.finish() : ids.scan(chunk) { text += try stream.add(id) }
      if chunk.isEmpty { text += stream.finish() }
      try body(text)
      if chunk.isEmpty { return }
    }
  }
}

/// Ids in a text, chunk by chunk.
struct IDScanner {
  private let name: String
  private var offset = 0
  /// The number that is open, and where it began.
  private var open: (value: UInt32, start: Int)?

  init(name: String) { self.name = name }

  /// The ids that end in a chunk.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for what is no id.
  mutating func scan(_ chunk: some Sequence<UInt8>) throws(IngotError) -> [UInt32] {
    var ids: [UInt32] = []
    for byte in chunk {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let (value, start) = open ?? (0, offset)
        let (tenfold, isLarge) = value.multipliedReportingOverflow(by: 10)
        let (sum, isLarger) = tenfold.addingReportingOverflow(UInt32(byte & 15))
        guard !isLarge, !isLarger else { throw notAnID(at: start) }
        open = (sum, start)
      case UInt8(ascii: ","), 0x20, 0x09...0x0D: ids += finish()
      default: throw notAnID(at: open?.start ?? offset)
      }
      offset += 1
    }
    return ids
  }

  /// The id that is open at the end.
  mutating func finish() -> [UInt32] {
    defer { open = nil }
    return open.map { [$0.value] } ?? []
  }

  private func notAnID(at offset: Int) -> IngotError {
    .unsuitable(
      Location(name, offset: offset),
      why: "is not a token id: numbers are read, between white space or commas",
      hint: nil)
  }
}
