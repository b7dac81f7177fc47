// SPDX-License-Identifier: Apache-2.0
// What a run gives.
import IngotCore

/// One output of a run.
package struct RunOutput<Element: Sendable>: Sendable {
  /// The dimensions, `[B, T, width]`, or `[B, width]` for what is said of a sequence; T is 1 where only the last token was
  /// wanted.
  package var shape: Shape
  /// The values in C order.
  package var values: [Element]

  /// Makes an output.
  package init(shape: Shape, values: [Element]) {
    self.shape = shape
    self.values = values
  }
}
