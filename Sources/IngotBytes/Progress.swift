// SPDX-License-Identifier: Apache-2.0
// Reports the progress of long work. What is done with the reports, a line on a terminal or nothing, is up to the caller.

/// What work is counted in.
public enum ProgressUnit: Sendable {
  case bytes, tokens
}

/// Receives reports on the progress of long work, from whichever thread does it, one call at a time.
public protocol ProgressObserver: AnyObject, Sendable {
  /// Work of a known size begins.
  func begin(_ activity: String, count: Int, unit: ProgressUnit)
  /// So much more is done.
  func advance(_ count: Int)
  /// The work has ended, well or not.
  func end()
}

extension ProgressObserver {
  /// Work of a known number of bytes begins.
  package func begin(_ activity: String, byteCount: Int) { begin(activity, count: byteCount, unit: .bytes) }
}

/// Hands what many threads have done to an observer, one call at a time.
///
/// The observer is called under the lock only.
package final class ProgressRelay: Sendable {
  private let done = Locked(0)
  private let observer: (any ProgressObserver)?

  package init(_ observer: (any ProgressObserver)?) { self.observer = observer }

  /// More bytes are done.
  package func advance(_ byteCount: Int) {
    guard let observer else { return }
    done.withLock { done in
      done += byteCount
      observer.advance(byteCount)
    }
  }

  /// All that was announced is done: more is not, where less than that was to do.
  package func complete(_ byteCount: Int) {
    let rest = done.withLock { byteCount - $0 }
    if rest > 0 { advance(rest) }
  }
}
