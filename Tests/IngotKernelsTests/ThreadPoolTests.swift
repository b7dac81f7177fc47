// SPDX-License-Identifier: Apache-2.0
// Every chunk once, whatever the number of threads and callers.
import IngotBytes
import IngotKernels
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func `runs every chunk once, with a slot of its own`(threadCount: Int, chunkCount: Int) {
    let pool = ThreadPool(threadCount: threadCount)
    for _ in 0..<20 {
      let counts = Counters(count: chunkCount)
      let slots = Counters(count: threadCount)
      let clashes = Atomic(0)
      pool.run(chunkCount: chunkCount) { slot, chunk in
        if slots.add(slot) != 1 { clashes.add(1, ordering: .relaxed) }
        _ = counts.add(chunk)
        slots.subtract(slot)
      }
      #expect(counts.values == [Int](repeating: 1, count: chunkCount))
      #expect(clashes.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `runs a job started inside a job, and jobs of several callers`() async {
    let pool = ThreadPool(threadCount: 3)
    let total = Counters(count: 1)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<50 {
            pool.run(chunkCount: 5) { _, _ in
              pool.run(chunkCount: 3) { _, _ in _ = total.add(0) }
            }
          }
        }
      }
    }
    #expect(total.values == [4 * 50 * 5 * 3])
  }

  @Test func `covers a range by parts`() {
    let pool = ThreadPool(threadCount: 2)
    let seen = Counters(count: 103)
    pool.forEachRange(103, grain: 10) { _, range in
      #expect(range.count <= 10)
      for index in range { _ = seen.add(index) }
    }
    #expect(seen.values == [Int](repeating: 1, count: 103))
  }
}

/// Counters that several threads may change.
private final class Counters: Sendable {
  private let state: Locked<[Int]>

  init(count: Int) { state = Locked([Int](repeating: 0, count: count)) }

  var values: [Int] { state.withLock { $0 } }

  func add(_ index: Int) -> Int {
    state.withLock { state in
      state[index] += 1
      return state[index]
    }
  }

  func subtract(_ index: Int) { state.withLock { $0[index] -= 1 } }
}
