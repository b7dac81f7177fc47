// SPDX-License-Identifier: Apache-2.0
// A value that one thread at a time touches. POSIX's mutex and not Synchronization's: the thread sanitizer follows the
// first, and takes each use of the second, whose code is not instrumented, for a race.
import Glibc

/// A value that is touched under a lock only.
///
/// SAFETY: the value is reached through ``withLock(_:)`` alone.
package final class Locked<Value>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  /// Makes a lock around a value.
  package init(_ value: sending Value) {
    self.value = value
    let code = pthread_mutex_init(mutex, nil)
    precondition(code == 0, "a mutex without attributes is always made")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs a closure while no other thread does.
  ///
  /// - Parameter body: takes the value; must not lock again.
  /// - Returns: what the closure returns.
  /// - Throws: what the closure throws.
  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
