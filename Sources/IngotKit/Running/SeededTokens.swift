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
    var state = seed
    let values = (0..<(2 * tokenCount)).map { _ in
      Int(truncatingIfNeeded: next(&state) % UInt64(config.vocabularySize))
    }
    return IntegerArray(shape: Shape([2, tokenCount]) ?? .scalar, values: values)
  }

  /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
  private static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
