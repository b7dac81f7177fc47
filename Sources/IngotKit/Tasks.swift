// SPDX-License-Identifier: Apache-2.0
// Long work in Swift's tasks: a thread of its own, the task's cancellation, and progress that can be waited for.
import IngotBytes
import IngotCore

extension Ingot {
  /// Does long work on a thread of its own, so that it holds up no task, and ends it when the task is cancelled.
  ///
  /// What verbs write appears whole or not at all, so that a cancelled one leaves nothing behind.
  ///
  /// - Parameter work: calls of verbs.
  /// - Returns: what the work returns.
  /// - Throws: the work's errors; ``IngotCore/IngotError/interrupted`` when the task is cancelled meanwhile.
  public static func run<Report: Sendable>(
    _ work: @escaping @Sendable () throws(IngotError) -> Report
  ) async throws(IngotError) -> Report {
    let cancellation = Cancellation()
    let result: Result<Report, IngotError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isStarted = Process.startThread {
          let result = cancellation.watching {
            Result { () throws(IngotError) in
              if Process.isInterrupted { throw .interrupted }
              return try work()
            }
          }
          continuation.resume(returning: result)
        }
        if !isStarted { continuation.resume(returning: .failure(.internal("no thread to work on"))) }
      }
    } onCancel: {
      cancellation.cancel()
    }
    return try result.get()
  }
}

extension Ingot {
  /// Does long work on a thread of its own, for work that throws errors of its own.
  ///
  /// - Parameter work: calls of verbs, and what else is to be done.
  /// - Returns: what the work returns.
  /// - Throws: as the other function does, and what the work throws.
  @_disfavoredOverload
  public static func run<Report: Sendable>(
    _ work: @escaping @Sendable () throws -> Report
  ) async throws -> Report {
    try await run { () throws(IngotError) in Result { try work() } }.get()
  }
}

/// How far long work has come, as a sequence that a task can wait for.
///
/// Give it to a verb as its observer, and read ``updates`` in another task: the newest is kept until it is read.
public final class ProgressUpdates: ProgressObserver, Sendable {
  /// How far work has come.
  public struct Update: Hashable, Sendable {
    /// What is being done, in the words of the command line.
    public var activity: String
    /// How much is done.
    public var done: Int
    /// How much there is to do.
    public var count: Int
    /// What both are counted in.
    public var unit: ProgressUnit
  }

  /// The updates; the sequence ends with ``finish()``.
  public let updates: AsyncStream<Update>
  private let continuation: AsyncStream<Update>.Continuation
  private let state = Locked<Update?>(nil)

  /// Makes an observer.
  public init() {
    (updates, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Work of a known size begins.
  public func begin(_ activity: String, count: Int, unit: ProgressUnit) {
    let update = Update(activity: activity, done: 0, count: count, unit: unit)
    state.withLock { $0 = update }
    continuation.yield(update)
  }

  /// So much more is done.
  public func advance(_ count: Int) {
    let update = state.withLock { (state) -> Update? in
      state?.done += count
      return state
    }
    if let update { continuation.yield(update) }
  }

  /// The work has ended, well or not; a verb may begin more.
  public func end() { state.withLock { $0 = nil } }

  /// Ends the sequence.
  public func finish() { continuation.finish() }
}
