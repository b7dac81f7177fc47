// SPDX-License-Identifier: Apache-2.0
// Verbs in Swift's tasks: their results, their cancellation on all threads, their progress.
import Dispatch
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct TaskTests {
  @Test func `a verb gives a task its report, or its error`() async throws {
    let path = Fixture.path("kjv-gpt2/model.safetensors")
    let report = try await Ingot.run { () throws(IngotError) in try Ingot.hash(path) }
    #expect(try report.model == Ingot.hash(path).model)
    let error = await #expect(throws: IngotError.self) {
      try await Ingot.run { () throws(IngotError) in try Ingot.hash("/no/such/file") }
    }
    guard case .missing = error else { throw try #require(error) }
  }

  /// Holds the first thread that reports progress until the task is cancelled.
  private final class Gate: ProgressObserver, Sendable {
    let begun = AsyncStream<Void>.makeStream()
    let opened = DispatchSemaphore(value: 0)

    func begin(_ activity: String, count: Int, unit: ProgressUnit) { begun.continuation.yield() }
    func advance(_ count: Int) {
      opened.wait()
      opened.signal()
    }
    func end() {}
  }

  @Test(arguments: [1, 4])
  func `a task that is cancelled ends its verb, and nothing is left behind`(jobs: Int) async throws {
    let folder = try TemporaryFolder()
    let output = folder.file("out.npz")
    let gate = Gate()
    let task = Task {
      try await Ingot.run { () throws(IngotError) in
        var options = ConvertOptions()
        options.work.jobs = jobs
        return try Ingot.convert(Fixture.path("kjv-gpt2"), to: output, options: options, progress: gate)
      }
    }
    for await _ in gate.begun.stream { break }
    task.cancel()
    gate.opened.signal()
    let result = await task.result
    #expect(throws: IngotError.interrupted) { try result.get() }
    #expect(folder.entries() == [])
  }

  @Test func `a task that is cancelled before does not begin`() async throws {
    let folder = try TemporaryFolder()
    let output = folder.file("out.npz")
    let start = AsyncStream<Void>.makeStream()
    let task = Task {
      for await _ in start.stream { break }
      return try await Ingot.run { () throws(IngotError) in
        try Ingot.convert(Fixture.path("kjv-gpt2"), to: output)
      }
    }
    task.cancel()
    start.continuation.yield()
    let result = await task.result
    #expect(throws: IngotError.interrupted) { try result.get() }
    #expect(folder.entries() == [])
  }

  @Test func `updates tell how far work has come, and end`() async throws {
    let path = Fixture.path("kjv-gpt2/model.safetensors")
    let progress = ProgressUpdates()
    let task = Task {
      defer { progress.finish() }
      return try await Ingot.run { () throws(IngotError) in try Ingot.hash(path, progress: progress) }
    }
    var last: ProgressUpdates.Update?
    for await update in progress.updates {
      #expect(update.done <= update.count)
      #expect(update.unit == .bytes)
      last = update
    }
    _ = try await task.value
    #expect(last?.done == last?.count)
  }

  @Test(arguments: ["a.safetensors", "a.ingot", "a.pt", "a.npz", "a.gguf", "tensorflow/", "llmc.bin"])
  func `updates of a conversion end at all of it`(_ name: String) async throws {
    let folder = try TemporaryFolder()
    let output = folder.file(name)
    let progress = ProgressUpdates()
    let task = Task {
      defer { progress.finish() }
      return try await Ingot.run { () throws(IngotError) in
        var options = ConvertOptions()
        if name == "tensorflow/" { options.format = "tensorflow" }
        if name == "llmc.bin" { options.format = "llmc" }
        return try Ingot.convert(
          Fixture.path("kjv-gpt2"), to: output, options: options, progress: progress)
      }
    }
    var last: ProgressUpdates.Update?
    for await update in progress.updates {
      #expect(update.done <= update.count)
      last = update
    }
    _ = try await task.value
    #expect(last?.done == last?.count)
  }
}
