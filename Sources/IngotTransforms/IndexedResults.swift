// SPDX-License-Identifier: Apache-2.0
// Results that many threads put together, each at its place.
import IngotBytes

/// Values by index, set by any thread.
package final class IndexedResults<Value: Sendable>: Sendable {
  private let storage: Locked<[Value]>

  /// Makes a place for each.
  package init(count: Int, initial: Value) { storage = Locked(Array(repeating: initial, count: count)) }

  /// All values; for when the threads are done.
  package var values: [Value] { storage.withLock { $0 } }

  /// One of them.
  package subscript(index: Int) -> Value {
    get { storage.withLock { $0[index] } }
    set { storage.withLock { $0[index] = newValue } }
  }
}
