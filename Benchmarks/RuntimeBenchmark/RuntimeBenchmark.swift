// SPDX-License-Identifier: Apache-2.0
// Times forward passes on request, so that a script can interleave them with a peer's. Reads lines from standard input and
// answers each with a line of seconds:
//   load NAME PATH auto|bf16|w8a8        prefill NAME TOKENS all|last        decode NAME PROMPT COUNT f32|f16
//   logits NAME ID,ID,… FILE             writes the logits of every token, `[T, V]`, as f32 in C order
import Glibc
import IngotKernels
import IngotKit
import IngotModels
import IngotRuntime

@main
struct RuntimeBenchmark {
  /// A loaded model, with the outputs that are written over and over: one set for each shape, so that works of other
  /// shapes in between throw nothing away.
  final class Loaded {
    /// What an output's shape follows from.
    struct Rows: Hashable {
      let count: Int, lastOnly: Bool
    }

    let executor: Float32Executor
    private var outputs: [Rows: [String: RunOutput<Float>]] = [:]

    init(_ path: String, _ arithmetic: Arithmetic) throws(IngotError) {
      let model = try Model(path)
      executor = Float32Executor(model.recognised.graph, try loadWeights(model), arithmetic: arithmetic)
    }

    func prefill(_ count: Int, lastOnly: Bool) throws(IngotError) {
      try run(Self.ids(count, executor)[...], lastOnly: lastOnly)
    }

    /// Seconds for `count` single tokens behind a prompt.
    func decode(_ prompt: Int, _ count: Int, _ element: CacheElement) throws(IngotError) -> Double {
      let cache = KeyValueCache(executor.graph, capacity: prompt + count + 1, element: element)
      let ids = Self.ids(prompt + count, executor)
      try run(ids[..<prompt], lastOnly: true, cache: cache)
      let start = ContinuousClock.now
      for index in prompt..<ids.count { try run(ids[index...index], lastOnly: true, cache: cache) }
      return start.duration(to: .now) / .seconds(1)
    }

    /// Writes the logits of every token, `[T, V]`, f32.
    func logits(of ids: [Int], to path: String) throws(IngotError) {
      try run(ids[...], lastOnly: false)
      let values = outputs[Rows(count: ids.count, lastOnly: false)]?["logits"]?.values ?? []
      guard let file = fopen(path, "wb") else {
        throw .environment(
          SystemFailure(call: "fopen", errorNumber: errno, path: path, purpose: .createOutput))
      }
      defer { fclose(file) }
      values.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    }

    private func run(
      _ ids: ArraySlice<Int>, lastOnly: Bool, cache: KeyValueCache? = nil
    ) throws(IngotError) {
      var request = RunRequest(batchCount: 1, tokenCount: ids.count, ids: Array(ids))
      request.lastLogitsOnly = lastOnly
      try executor.run(
        request, cache: cache, into: &outputs[Rows(count: ids.count, lastOnly: lastOnly), default: [:]])
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
      let element: CacheElement = words[4] == "f16" ? .f16 : .f32
      seconds = try models[words[1]]?.decode(Int(words[2]) ?? 1, Int(words[3]) ?? 1, element)
    case ("logits", 4):
      try models[words[1]]?.logits(of: words[2].split(separator: ",").compactMap { Int($0) }, to: words[3])
    default:
      return "expected: load NAME PATH ARITHMETIC, prefill NAME TOKENS all|last,"
        + " decode NAME PROMPT COUNT f32|f16, logits NAME ID,ID,… FILE"
    }
    return String(seconds ?? start.duration(to: .now) / .seconds(1))
  }
}
