// SPDX-License-Identifier: Apache-2.0
// A failed call of the system, before it is known what the call was for.

/// A call that failed: the C function's name and the error number it left.
package struct CallFailure: Error, Hashable, Sendable {
  /// The C function's name.
  package var call: String
  /// `errno` after the call.
  package var errorNumber: Int32

  /// Makes a record of a failed call.
  package init(call: String, errorNumber: Int32) {
    self.call = call
    self.errorNumber = errorNumber
  }
}
