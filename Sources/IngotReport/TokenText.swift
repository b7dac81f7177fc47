// SPDX-License-Identifier: Apache-2.0
// Tokens and text as they come, for people and programs: lists that are written from front to back in little memory.
import IngotBytes
import IngotEncodings
import IngotKit

/// Words about tokens.
package enum TokenText {
  /// What was taken for granted, and what is in no token.
  package static func notes(_ assumption: Evidence?, leftOutBytes: Int, style: TextStyle) -> [String] {
    var notes = [assumption].compactMap { $0 }
    if leftOutBytes > 0 {
      notes.append(
        "\(leftOutBytes, "byte") of the text left out: no token covers them, and none is for what is unknown")
    }
    return notes.map { "\(style.text("note ", .note))  \(ErrorRenderer.text($0))" }
  }
}

/// A list of ids on one line; or an object with ids and their places in the text, of which the latter wait in a scratch file.
package final class TokenOutput {
  private let asJSON: Bool
  private let isQuiet: Bool
  private let scratchFolder: String
  /// An error in the first megabyte leaves nothing on standard output.
  private let output = StreamedOutput(StandardOutput())
  private var isFirst = true
  private var offsets: [UInt8] = []
  private var scratch: OutputFile?
  private var scratchCount = 0
  private static let bufferBytes = 4 << 20

  /// Begins.
  ///
  /// - Parameters:
  ///   - asJSON: whether an object is printed.
  ///   - isQuiet: whether nothing is printed.
  ///   - scratchFolder: where places wait, should they be many.
  package init(asJSON: Bool, isQuiet: Bool, scratchFolder: String) {
    self.asJSON = asJSON
    self.isQuiet = isQuiet && !asJSON
    self.scratchFolder = scratchFolder
  }

  /// Adds tokens.
  package func add(_ ids: [UInt32], _ ranges: [Range<Int>]) throws(IngotError) {
    guard !isQuiet else { return }
    var text: [UInt8] = []
    text.reserveCapacity(ids.count * 6)
    if isFirst, asJSON, !ids.isEmpty { try begin() }
    for (index, id) in ids.enumerated() {
      if !isFirst || index > 0 { text.append(UInt8(ascii: ",")) }
      text.appendDecimal(Int(id))
    }
    for (index, range) in ranges.enumerated() {
      if !isFirst || index > 0 { offsets.append(UInt8(ascii: ",")) }
      offsets.append(UInt8(ascii: "["))
      offsets.appendDecimal(range.lowerBound)
      offsets.append(UInt8(ascii: ","))
      offsets.appendDecimal(range.upperBound)
      offsets.append(UInt8(ascii: "]"))
    }
    if !ids.isEmpty { isFirst = false }
    try output.write(text)
    if offsets.count > Self.bufferBytes { try store() }
  }

  private func begin() throws(IngotError) {
    try output.write(Array(#"{"schema": 1, "ids": ["#.utf8))
  }

  /// Puts places into the scratch file.
  private func store() throws(IngotError) {
    if scratch == nil { scratch = try OutputFile.scratch(in: scratchFolder, byteCount: Self.bufferBytes) }
    try scratch?.write(offsets, at: scratchCount)
    scratchCount += offsets.count
    offsets.removeAll(keepingCapacity: true)
  }

  /// Ends the list.
  ///
  /// - Parameters:
  ///   - assumption: what the tokenizer's files leave open and was taken for granted.
  ///   - leftOutBytes: how many bytes of the text are in no token.
  /// - Throws: errors of writing.
  package func finish(_ assumption: Evidence?, leftOutBytes: Int) throws(IngotError) {
    guard !isQuiet else { return }
    if asJSON {
      if isFirst { try begin() }
      try output.write(Array(#"], "offsets": ["#.utf8))
      if let scratch {
        let source = ScratchSource(scratch, byteCount: scratchCount, path: "offsets")
        var offset = 0
        while offset < scratchCount {
          let bytes = try source.bytes(at: offset, count: min(1 << 20, scratchCount - offset))
          try output.write(bytes)
          offset += bytes.count
        }
      }
      try output.write(offsets)
      let assumed = assumption.map { JSONWriter.quoted(ErrorRenderer.text($0)) } ?? "null"
      try output.write(Array("], \"left_out_bytes\": \(leftOutBytes), \"assumption\": \(assumed)}".utf8))
    }
    try output.write([UInt8(ascii: "\n")])
    try output.flush()
  }
}

/// Text as it comes; or an object with it.
package final class TextOutput {
  private let asJSON: Bool
  private let isQuiet: Bool
  /// An error in the first megabyte leaves nothing on standard output.
  private let output = StreamedOutput(StandardOutput())
  private var isFirst = true

  /// Begins.
  package init(asJSON: Bool, isQuiet: Bool) {
    self.asJSON = asJSON
    self.isQuiet = isQuiet && !asJSON
  }

  /// Adds bytes, of whole characters for an object.
  package func add(_ bytes: [UInt8]) throws(IngotError) {
    guard !isQuiet else { return }
    guard asJSON else { return try output.write(bytes) }
    if isFirst { try output.write(Array(#"{"schema": 1, "text": ""#.utf8)) }
    isFirst = false
    // Within a JSON literal; bytes that are no UTF-8 become U+FFFD.
    let literal = JSONWriter.quoted(String(decoding: bytes, as: UTF8.self))
    try output.write(literal.dropFirst().dropLast().utf8)
  }

  /// Ends the text.
  package func finish() throws(IngotError) {
    guard !isQuiet else { return }
    if asJSON {
      try add([])
      try output.write(Array("\"}\n".utf8))
    }
    try output.flush()
  }
}

extension [UInt8] {
  /// Adds a number that is not negative.
  fileprivate mutating func appendDecimal(_ number: Int) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var (rest, count) = (number, 0)
    repeat {
      digits[count] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
      rest /= 10
      count += 1
    } while rest > 0
    for index in (0..<count).reversed() { append(digits[index]) }
  }
}
