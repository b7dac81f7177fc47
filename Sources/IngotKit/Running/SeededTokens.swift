// SPDX-License-Identifier: Apache-2.0
// Token ids made up from a seed, for comparing two models without a text.
import IngotCore
import IngotGraph
import IngotModels

/// Token ids made up from a seed, the same on every machine.
enum SeededTokens {
  /// Two rows of ids, as long as the context lets them, 32 at the most.
  static func ids(for config: ModelConfig, seed: UInt64) -> IntegerArray {
    let tokenCount = min(32, config.contextLength)
    var random = SplitMix64(seed: seed)
    let values = (0..<(2 * tokenCount)).map { _ in
      Int(truncatingIfNeeded: random.next() % UInt64(config.vocabularySize))
    }
    return IntegerArray(shape: Shape([2, tokenCount]) ?? .scalar, values: values)
  }
}
