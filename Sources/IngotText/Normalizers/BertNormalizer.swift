// SPDX-License-Identifier: Apache-2.0
// BERT's and GPT-1's clean-up of text as steps, and ByteLevel's normalizer.

/// BERT's clean-up of text, which GPT-1's fast tokenizer has too.
package enum BertNormalizer {
  /// The steps, in order.
  ///
  /// - Parameters:
  ///   - cleansText: whether control characters go, and white space becomes a space.
  ///   - spacesChinese: whether Chinese characters get spaces around them.
  ///   - stripsAccents: whether characters are decomposed and marks go.
  ///   - lowercases: whether letters become lower case.
  /// - Returns: one normalizer of all of them.
  package static func steps(
    cleansText: Bool, spacesChinese: Bool, stripsAccents: Bool, lowercases: Bool
  ) -> any Normalizer {
    var steps: [any Normalizer] = []
    if cleansText { steps += [Removal(.controls), Spacing(.whiteSpace)] }
    if spacesChinese { steps.append(ChineseSpacing()) }
    if stripsAccents {
      steps += [UnicodeNormalizer(form: .nfd), Removal(.nonspacingMarks)] as [any Normalizer]
    }
    if lowercases { steps.append(Lowercase()) }
    return NormalizerSequence(steps)
  }
}

/// ByteLevel: the model's tokens are bytes, and what cuts the text sees each as the letter that GPT-2 writes it with.
struct ByteLevelNormalizer: Normalizer {
  func normalize(_ text: inout NormalizedText) { text.bytesAreLetters = true }

  var growth: Int { 1 }

  func settledCount(of text: NormalizedText) -> Int { text.bytes.count }
}
