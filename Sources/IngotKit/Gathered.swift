// SPDX-License-Identifier: Apache-2.0
// Results that many threads put together, each at its place.
import Synchronization

/// Values by index, set by any thread.
///
/// SAFETY: the values are touched under the lock only.
final class Gathered<Value>: @unchecked Sendable {
  private let lock = Mutex(())
  private var storage: [Value]

  /// Makes a place for each.
  init(count: Int, initial: Value) { storage = Array(repeating: initial, count: count) }

  /// All values; for when the threads are done.
  var values: [Value] { lock.withLock { _ in storage } }

  /// One of them.
  subscript(index: Int) -> Value {
    get { lock.withLock { _ in storage[index] } }
    set { lock.withLock { _ in storage[index] = newValue } }
  }
}
