// SPDX-License-Identifier: Apache-2.0
// What sanitizers do to programs: they make them slow, and take memory for themselves.
import Foundation

/// What a bound on time is multiplied by: 1, unless INGOT_TEST_PATIENCE says otherwise.
package enum Patience {
  /// The factor.
  package static let factor =
    ProcessInfo.processInfo.environment["INGOT_TEST_PATIENCE"].flatMap(Double.init) ?? 1
  /// What memory is divided by before it is held against a bound: 1, unless INGOT_TEST_MEMORY says otherwise.
  package static let memoryFactor =
    ProcessInfo.processInfo.environment["INGOT_TEST_MEMORY"].flatMap(Int.init) ?? 1
}
