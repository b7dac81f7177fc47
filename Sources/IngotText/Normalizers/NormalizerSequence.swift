// SPDX-License-Identifier: Apache-2.0
// Sequence: normalizers one after the other; and text that comes in chunks through all of them.

/// Normalizers one after the other.
package struct NormalizerSequence: Normalizer {
  /// The normalizers, in order; sequences among them are laid out.
  let parts: [any Normalizer]

  /// Makes a sequence.
  init(_ parts: [any Normalizer]) {
    self.parts = parts.flatMap { ($0 as? NormalizerSequence)?.parts ?? [$0] }
  }

  package func normalize(_ text: inout NormalizedText) { for part in parts { part.normalize(&text) } }

  package var growth: Int {
    parts.reduce(1) { product, part in
      let (growth, isLarge) = product.multipliedReportingOverflow(by: part.growth)
      return isLarge ? .max : growth
    }
  }

  /// Nothing before the end, but for a sequence of one: a ``NormalizerStream`` holds back between the parts instead.
  package func settledCount(of text: NormalizedText) -> Int {
    if text.isEnd || parts.isEmpty { return text.bytes.count }
    return parts.count == 1 ? parts[0].settledCount(of: text) : 0
  }
}

/// A section of text that comes in chunks, on its way through a tokenizer's normalizer.
///
/// What comes out, put together, is what the normalizer gives for the whole section.
package struct NormalizerStream: Sendable {
  private let parts: [any Normalizer]
  private var held: [NormalizedText?]

  /// Begins a section.
  package init(_ normalizer: (any Normalizer)?) {
    parts = normalizer.map { NormalizerSequence([$0]).parts } ?? []
    held = Array(repeating: nil, count: parts.count)
  }

  /// Puts the section's next chunk in, and gives what can be said of the text so far.
  ///
  /// - Parameter chunk: whole characters; where ``NormalizedText/isEnd``, all that was held back comes out.
  /// - Returns: normalized text, perhaps none.
  package mutating func push(_ chunk: NormalizedText) -> NormalizedText {
    var text = chunk
    for (number, part) in parts.enumerated() {
      if var before = held[number] {
        before.append(text)
        text = before
      }
      let rest = text.splitOff(from: part.settledCount(of: text))
      let isEnd = text.isEnd && rest.bytes.isEmpty
      held[number] = isEnd ? nil : rest
      text.isEnd = isEnd
      if !text.bytes.isEmpty { part.normalize(&text) }
    }
    return text
  }

  /// Bytes that are held back.
  package var heldCount: Int { held.reduce(0) { $0 + ($1?.bytes.count ?? 0) } }
}
