// SPDX-License-Identifier: Apache-2.0
// How long tests wait for programs that sanitizers make slow.
import Foundation

/// What a bound on time is multiplied by: 1, unless INGOT_TEST_PATIENCE says otherwise.
package enum Patience {
  /// The factor.
  package static let factor =
    ProcessInfo.processInfo.environment["INGOT_TEST_PATIENCE"].flatMap(Double.init) ?? 1
}
