// SPDX-License-Identifier: Apache-2.0
// How the parameters of an untrained model start out, which each architecture's builder declares.

/// How a parameter starts out.
package enum Initialization: Hashable, Sendable {
  /// The same number everywhere.
  case constant(Double)
  /// Normal deviates with mean 0 and this deviation.
  case normal(deviation: Double)
}
