// SPDX-License-Identifier: Apache-2.0
// What ends work early: a signal, or a task that is cancelled.
import CIngotBytes
import IngotCore

/// Holds back the end by a signal, as long as it lives, where something would have to be cleaned up: there
/// ``Process/isInterrupted`` is to be looked at.
package final class InterruptHold: Sendable {
  /// Begins to hold.
  ///
  /// - Throws: ``IngotError/interrupted`` when a signal has come; nothing is held then.
  package init() throws(IngotError) {
    guard ingot_hold_interrupts() != 0 else { return }
    ingot_release_interrupts()
    throw .interrupted
  }

  deinit { ingot_release_interrupts() }
}

/// A request that the work of some threads ends: they meet it where they meet an interrupt.
///
/// SAFETY: the C value may be used from any thread; it is freed when the last reference goes, and each thread that watches
/// it holds one meanwhile.
package final class Cancellation: @unchecked Sendable {
  private let handle: OpaquePointer?

  /// Prepares a request.
  package init() { handle = ingot_cancellation_create() }

  deinit { ingot_cancellation_free(handle) }

  /// Makes the request.
  package func cancel() {
    if let handle { ingot_cancel(handle) }
  }

  /// Does work on this thread that ends on request.
  package func watching<Result>(_ work: () -> Result) -> Result {
    Self.passed(handle, work)
  }

  /// What the work of this thread ends by, to be handed to another that does a part of it.
  package static var ofThisThread: Inherited { Inherited(handle: ingot_watched()) }

  /// What another thread's work ends by.
  ///
  /// SAFETY: valid as long as the work that it was taken from, which waits for its parts.
  package struct Inherited: @unchecked Sendable {
    fileprivate let handle: OpaquePointer?

    /// Does a part of the work on this thread.
    package func watching<Result>(_ work: () -> Result) -> Result { Cancellation.passed(handle, work) }
  }

  private static func passed<Result>(_ handle: OpaquePointer?, _ work: () -> Result) -> Result {
    let outer = ingot_watched()
    ingot_watch(handle)
    defer { ingot_watch(outer) }
    return work()
  }
}
