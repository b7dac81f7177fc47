// SPDX-License-Identifier: Apache-2.0
// Times forward passes on request, so that a script can interleave them with a peer's. Reads lines from standard input and
// answers each with a line of seconds:
//   load NAME PATH auto|bf16|w8a8        prefill NAME TOKENS all|last        decode NAME PROMPT COUNT f32|f16
import Glibc
import IngotKit

@main
struct RuntimeBenchmark {
  /// A loaded model, with the outputs that are written over and over.
  final class Loaded {
    let executor: Float32Executor
    var outputs: [String: RunOutput<Float>] = [:]

    init(_ path: String, _ arithmetic: Arithmetic) throws(IngotError) {
      let model = try Model(path)
      executor = Float32Executor(model.recognised.graph, try loadWeights(model), arithmetic: arithmetic)
    }

    func prefill(_ count: Int, lastOnly: Bool) throws(IngotError) {
      var request = RunRequest(batchCount: 1, tokenCount: count, ids: Self.ids(count, executor))
      request.lastLogitsOnly = lastOnly
      try executor.run(request, into: &outputs)
    }

    /// Seconds for `count` single tokens behind a prompt.
    func decode(_ prompt: Int, _ count: Int, _ element: KeyValueCache.Element) throws(IngotError) -> Double {
      let cache = KeyValueCache(executor.graph, capacity: prompt + count + 1, element: element)
      let ids = Self.ids(prompt + count, executor)
      var request = RunRequest(batchCount: 1, tokenCount: prompt, ids: Array(ids[..<prompt]))
      request.lastLogitsOnly = true
      try executor.run(request, cache: cache, into: &outputs)
      let start = ContinuousClock.now
      for id in ids[prompt...] {
        var step = RunRequest(batchCount: 1, tokenCount: 1, ids: [id])
        step.lastLogitsOnly = true
        try executor.run(step, cache: cache, into: &outputs)
      }
      return start.duration(to: .now) / .seconds(1)
    }

    private static func ids(_ count: Int, _ executor: Float32Executor) -> [Int] {
      (0..<count).map { ($0 * 7919 + 13) % executor.graph.config.vocabularySize }
    }
  }

  static func main() {
    answer("kernels \(KernelTable.current), \(ThreadPool.shared.threadCount) threads")
    var models: [String: Loaded] = [:]
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      do {
        answer(try run(words, &models))
      } catch {
        answer("error: \(error)")
      }
    }
  }

  /// Prints a line at once: a pipe would be written when it is full.
  static func answer(_ line: String) {
    print(line)
    fflush(nil)
  }

  static func run(_ words: [String], _ models: inout [String: Loaded]) throws(IngotError) -> String {
    let start = ContinuousClock.now
    var seconds: Double?
    switch (words.first, words.count) {
    case ("load", 4):
      models[words[1]] = try Loaded(
        words[2], words[3] == "bf16" ? .bf16 : words[3] == "w8a8" ? .w8a8 : .stored)
    case ("prefill", 4):
      try models[words[1]]?.prefill(Int(words[2]) ?? 1, lastOnly: words[3] == "last")
    case ("decode", 5):
      let element: KeyValueCache.Element = words[4] == "f16" ? .f16 : .f32
      seconds = try models[words[1]]?.decode(Int(words[2]) ?? 1, Int(words[3]) ?? 1, element)
    default:
      return
        "expected: load NAME PATH ARITHMETIC, prefill NAME TOKENS all|last, decode NAME PROMPT COUNT f32|f16"
    }
    return String(seconds ?? start.duration(to: .now) / .seconds(1))
  }
}
