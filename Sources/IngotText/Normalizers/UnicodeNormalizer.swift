// SPDX-License-Identifier: Apache-2.0
// NFC, NFD, NFKC and NFKD.

/// Brings text into one of Unicode's normalization forms.
package struct UnicodeNormalizer: Normalizer {
  package let form: NormalizationForm

  /// Makes a normalizer of a form.
  package init(form: NormalizationForm) { self.form = form }

  /// U+FDFA has 3 bytes, and in NFKD 33.
  package var growth: Int { 11 }

  package func normalize(_ text: inout NormalizedText) {
    let segments = changingSegments(of: text.bytes)
    guard !segments.isEmpty else { return }
    text.rewrite { rewriter in
      for segment in segments {
        rewriter.keep(segment.lowerBound - rewriter.offset)
        let scalars = Array(rewriter.old[segment]).scalars
        var taken = 0
        for change in form.normalize(scalars.lazy.map(\.value)) {
          let bytes = [UInt8](scalar: change.scalar)
          if change.count > 0 || taken >= scalars.count {
            rewriter.insert(bytes)
          } else {
            let count = scalars[taken..<min(taken + 1 - change.count, scalars.count)].reduce(0) {
              $0 + $1.length
            }
            rewriter.replace(count, with: bytes)
            taken += 1 - change.count
          }
        }
      }
    }
  }

  /// Segments that the form may change: from a character that starts one to the next that does.
  private func changingSegments(of bytes: [UInt8]) -> [Range<Int>] {
    var segments: [Range<Int>] = []
    bytes.withUnsafeBufferPointer { text in
      var start = 0
      var isInert = true
      var offset = 0
      while offset < text.count {
        if text[offset] < 0x80 {
          if !isInert { segments.append(start..<offset) }
          start = offset
          isInert = true
          offset += 1
          continue
        }
        let scalar = UTF8Scalar(text, at: offset, end: text.count)
        if form.startsSegment(scalar.value) {
          if !isInert { segments.append(start..<offset) }
          start = offset
          isInert = form.isInert(scalar.value)
        } else {
          isInert = false
        }
        offset += scalar.length
      }
      if !isInert { segments.append(start..<text.count) }
    }
    return segments
  }

  package func settledCount(of text: NormalizedText) -> Int {
    guard !text.isEnd else { return text.bytes.count }
    var settled = 0
    var offset = 0
    for scalar in text.bytes.scalars {
      if form.startsSegment(scalar.value) { settled = offset }
      offset += scalar.length
    }
    return settled
  }
}
