// SPDX-License-Identifier: Apache-2.0
// A sequence of tokens that grows: what is kept of it between runs.
import IngotRuntime

/// What a runner keeps of a sequence: keys and values of its tokens.
package final class GrowingSequence {
  let float: KeyValueCache?
  let double: ReferenceCache?
  /// Memory that each run writes to.
  var outputs: [String: RunOutput<Float>] = [:]

  init(float: KeyValueCache?, double: ReferenceCache?) {
    self.float = float
    self.double = double
  }

  /// Forgets what comes behind some tokens.
  func truncate(to count: Int) {
    float?.truncate(to: count)
    double?.truncate(to: count)
  }
}
