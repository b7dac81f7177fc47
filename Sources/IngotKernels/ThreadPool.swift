// SPDX-License-Identifier: Apache-2.0
// Threads that share the chunks of a job. What a chunk computes must not depend on who runs it or when: then results
// are the same bytes for any number of threads.
import CIngotKernels

/// A pool of threads.
///
/// One job runs at a time; a second caller's job runs on its own thread alone, as does a job
/// started inside another.
package final class ThreadPool: Sendable {
  /// Threads that work on a job, the caller's included.
  package let threadCount: Int
  /// The C pool; `nil` when the caller works alone.
  private let pool: Handle?

  /// SAFETY: the C pool may be used from any thread; it is freed when the last reference goes.
  private struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// Makes a pool.
  ///
  /// - Parameter threadCount: threads, the caller's included; by default one for each processor available.
  package init(threadCount: Int = ThreadPool.processorCount) {
    let helpers = max(0, threadCount - 1)
    pool = helpers == 0 ? nil : ingot_pool_create(helpers).map { Handle(pointer: $0) }
    self.threadCount = pool == nil ? 1 : helpers + 1
  }

  /// Processors that this process may run on.
  package static var processorCount: Int { ingot_processor_count() }

  deinit {
    if let pool { ingot_pool_destroy(pool.pointer) }
  }

  /// The pool of all executors that are not given another.
  package static let shared = ThreadPool()

  /// Calls `body` once for each chunk, on any of the pool's threads, and returns when all calls have.
  ///
  /// - Parameters:
  ///   - chunkCount: chunks; 1 runs on the caller's thread.
  ///   - body: the work. `slot`, below ``threadCount``, differs between threads that run at the same time: the index of
  ///     a scratch buffer. Calls run concurrently; they must write to different memory.
  package func run(chunkCount: Int, _ body: (_ slot: Int, _ chunk: Int) -> Void) {
    guard let pool, chunkCount > 1 else {
      for chunk in 0..<max(0, chunkCount) { body(0, chunk) }
      return
    }
    withoutActuallyEscaping(body) { body in
      var job = Job(body: body)
      // SAFETY: the C pool calls back only before ingot_pool_run returns, while `job` lives.
      withUnsafeMutablePointer(to: &job) { job in
        ingot_pool_run(pool.pointer, chunkCount, { Job.run($0, $1, $2) }, job)
      }
    }
  }

  private struct Job {
    let body: (Int, Int) -> Void

    static func run(_ context: UnsafeMutableRawPointer, _ slot: Int, _ chunk: Int) {
      context.assumingMemoryBound(to: Job.self).pointee.body(slot, chunk)
    }
  }

  /// Calls `body` with consecutive ranges that cover `0 ..< count`, each at most `grain` long.
  ///
  /// - Parameters:
  ///   - count: how far the ranges go.
  ///   - grain: length of each range but the last; at least 1.
  ///   - body: the work, as in ``run(chunkCount:_:)``.
  package func forEachRange(_ count: Int, grain: Int, _ body: (_ slot: Int, _ range: Range<Int>) -> Void) {
    let grain = max(1, grain)
    run(chunkCount: (count + grain - 1) / grain) { slot, chunk in
      body(slot, chunk * grain..<min(count, (chunk + 1) * grain))
    }
  }
}
