// SPDX-License-Identifier: Apache-2.0
// Threads for work that may fail: the error that is thrown does not depend on which thread was faster.
import IngotBytes
import IngotCore
import IngotKernels
import Synchronization

/// Threads that carry out tasks which may fail.
package final class WorkCrew: Sendable {
  private let pool: ThreadPool

  /// Makes a crew.
  ///
  /// - Parameter jobs: threads, the caller's included, at most ``IngotBytes/WorkOptions/jobLimit``; `nil` for one a processor.
  package init(jobs: Int? = nil) {
    pool = ThreadPool(threadCount: min(max(1, jobs ?? ThreadPool.processorCount), WorkOptions.jobLimit))
  }

  /// Threads that work at the same time: slots are below this.
  package var jobCount: Int { pool.threadCount }

  /// Carries out all tasks, beginning them in order.
  ///
  /// - Parameters:
  ///   - count: tasks.
  ///   - limit: the most threads that may work at the same time; `nil` for all.
  ///   - body: the work on one; calls run concurrently, each with a slot of its own.
  /// - Throws: the error of the first task, by number, that failed; later ones are not begun then.
  package func run(
    taskCount count: Int, limit: Int? = nil, _ body: (_ slot: Int, _ task: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    let failure = FirstFailure()
    let next = Atomic(0)
    let cancellation = Cancellation.ofThisThread
    pool.run(chunkCount: min(count, jobCount, max(1, limit ?? jobCount))) { _, slot in
      cancellation.watching {
        while true {
          let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard task < count, !failure.isBefore(task) else { return }
          do throws(IngotError) {
            if Process.isInterrupted { throw .interrupted }
            try body(slot, task)
          } catch {
            failure.record(error, at: task)
          }
        }
      }
    }
    if let error = failure.error { throw error }
  }

  /// The order in which tasks of these sizes are best begun: large ones first, so that none is left alone at the end;
  /// small ones as they stand.
  ///
  /// - Parameters:
  ///   - count: tasks.
  ///   - byteCount: the size of one.
  /// - Returns: the tasks by number; `nil` when they are best begun as they stand.
  package static func order(count: Int, byteCount: (Int) -> Int) -> [Int]? {
    let threshold = 8 << 20
    let large = (0..<count).filter { byteCount($0) >= threshold }
    guard !large.isEmpty else { return nil }
    let small = (0..<count).filter { byteCount($0) < threshold }
    return large.sorted { (byteCount($1), $0) < (byteCount($0), $1) } + small
  }
}

/// The failure of the lowest task.
private final class FirstFailure: Sendable {
  private let lowest = Atomic(Int.max)
  private let state = Locked<IngotError?>(nil)

  var error: IngotError? { state.withLock { $0 } }

  func isBefore(_ task: Int) -> Bool { lowest.load(ordering: .relaxed) < task }

  func record(_ error: IngotError, at task: Int) {
    state.withLock { state in
      guard task < lowest.load(ordering: .relaxed) else { return }
      lowest.store(task, ordering: .relaxed)
      state = error
    }
  }
}
