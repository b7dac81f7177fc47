// SPDX-License-Identifier: Apache-2.0
// What a run does not mind.
import IngotModels

/// What a model is computed with though `validate` rejects it.
public struct Allowances: Hashable, Sendable {
  /// Which head is meant where another is stored than the config says.
  public var head = HeadTie.asIs
  /// Whether weights and outputs may be NaN or infinite.
  public var nonFinite = false

  /// Allows nothing.
  public init() {}
}
