// SPDX-License-Identifier: Apache-2.0
// Times matrix products on request, so that a script can interleave them with a peer's. Reads lines
// `M K N LAYOUT DTYPE` from standard input, runs each once and prints the seconds. A line `limit WORK THREADS` is
// answered with what the machine does at the most, in operations or bytes a second.
import CMachineLimits
import Glibc
import IngotCore
import IngotKernels

@main
struct KernelBenchmark {
  /// Operands of one request, kept so that later requests of the same shape time nothing but the product.
  final class Operands {
    let x: AlignedBuffer, w: AlignedBuffer, y: AlignedBuffer

    init(m: Int, k: Int, n: Int, element: WeightMatrix.Element) {
      x = AlignedBuffer(Float.self, count: m * k)
      w = AlignedBuffer(byteCount: element.byteCount(of: k * n))
      y = AlignedBuffer(Float.self, count: m * n)
      var random = SystemRandomNumberGenerator()
      for index in 0..<(m * k) { x.pointer(as: Float.self)[index] = Float.random(in: -1...1, using: &random) }
      // Bytes below 0x3c make small positive numbers in every type.
      for index in 0..<w.byteCount {
        w.pointer(as: UInt8.self)[index] = UInt8(truncatingIfNeeded: index % 59)
      }
    }
  }

  static func main() {
    let pool = ThreadPool.shared
    let means = ProductMeans(pool: pool)
    var known: [String: Operands] = [:]
    answer("kernels \(KernelTable.current), \(pool.threadCount) threads")
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      if let rate = limit(words) {
        answer(String(rate))
        continue
      }
      let numbers = words.prefix(3).compactMap { Int($0) }
      guard words.count == 5, numbers.count == 3, let element = element(named: words[4]) else {
        answer("expected: M K N inOut|outIn f32|f16|bf16|i8, or limit fma|bf16|i8|read|copy THREADS")
        continue
      }
      let (m, k, n) = (numbers[0], numbers[1], numbers[2])
      let operands = known[line] ?? Operands(m: m, k: k, n: n, element: element)
      known[line] = operands
      let isInOut = words[3] == "inOut"
      let weight = WeightMatrix(
        bytes: operands.w.start, element: element, layout: isInOut ? .inOut : .outIn,
        rowStride: isInOut ? n : k)
      let elapsed = ContinuousClock().measure {
        MatrixProduct(rowCount: m, columnCount: n, depth: k).multiply(
          FloatRows(operands.x.pointer(as: Float.self), stride: k), by: weight,
          into: MutableFloatRows(operands.y.pointer(as: Float.self), stride: n), with: means)
      }
      answer(String(elapsed / .seconds(1)))
    }
  }

  /// The rate that a line asks for; `nil` for other lines.
  static func limit(_ words: [String]) -> Double? {
    let works = [
      "fma": machine_fma_f32, "bf16": machine_dot_bf16, "i8": machine_dot_i8, "read": machine_read,
      "copy": machine_copy,
    ]
    guard words.count == 3, words[0] == "limit", let work = works[words[1]], let threads = Int32(words[2])
    else { return nil }
    return machine_rate(work, threads)
  }

  /// Prints a line at once: a pipe would be written when it is full.
  static func answer(_ line: String) {
    print(line)
    fflush(nil)
  }

  static func element(named name: String) -> WeightMatrix.Element? {
    WeightMatrix.Element.plain.first { "\($0)" == name }
  }
}
