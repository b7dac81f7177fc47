// SPDX-License-Identifier: Apache-2.0
// How long work tells how far it is. What becomes of it, a line on a terminal or nothing, is the caller's to say.

/// Hears how far long work has come.
public protocol ProgressObserver: AnyObject {
  /// Work of a known size begins.
  func begin(_ activity: String, byteCount: Int)
  /// More bytes are done.
  func advance(_ byteCount: Int)
  /// The work has ended, well or not.
  func end()
}
