// SPDX-License-Identifier: Apache-2.0
// Normalizers that look at a section's start and end: Strip and Prepend.

/// Takes white space away at the start, the end, or both.
struct Strip: Normalizer {
  let left: Bool
  let right: Bool

  var growth: Int { 1 }

  func normalize(_ text: inout NormalizedText) {
    let bytes = text.bytes
    var start = 0
    if left, text.isStart { start = bytes.countOfLeadingSpace }
    let end = right && text.isEnd ? max(start, bytes.count - bytes.countOfTrailingSpace) : bytes.count
    guard start > 0 || end < bytes.count else { return }
    text.rewrite { rewriter in
      rewriter.remove(start)
      rewriter.keep(end - start)
      rewriter.remove(bytes.count - end)
    }
  }

  func settledCount(of text: NormalizedText) -> Int {
    let bytes = text.bytes
    guard !text.isEnd else { return bytes.count }
    // White space alone says nothing yet of what comes first; behind something it may be the end.
    if left, text.isStart, bytes.countOfLeadingSpace == bytes.count { return 0 }
    return right ? bytes.count - bytes.countOfTrailingSpace : bytes.count
  }
}

/// Puts a text before a section that is not empty.
struct Prepend: Normalizer {
  let prefix: [UInt8]

  /// Of a section of one byte.
  var growth: Int { prefix.count + 1 }

  func normalize(_ text: inout NormalizedText) {
    guard text.isStart, !text.bytes.isEmpty else { return }
    text.rewrite { $0.insertBefore(prefix) }
  }

  func settledCount(of text: NormalizedText) -> Int { text.bytes.count }
}

extension [UInt8] {
  private static let space = ScalarMap(set: .whiteSpace)

  /// The bytes of white space at the start.
  fileprivate var countOfLeadingSpace: Int {
    var count = 0
    for scalar in scalars {
      guard Self.space[scalar.value] == 1 else { break }
      count += scalar.length
    }
    return count
  }

  /// The bytes of white space at the end.
  fileprivate var countOfTrailingSpace: Int {
    var end = count
    while end > 0 {
      let character = characterRange(at: end - 1)
      guard let scalar = Array(self[character]).scalars.first, Self.space[scalar.value] == 1 else { break }
      end = character.lowerBound
    }
    return count - end
  }
}
