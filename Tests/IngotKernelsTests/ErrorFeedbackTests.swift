// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback: against GPTQ's own steps in float64, the same bits at every level and for any number of
// threads, and never worse than rounding to nearest by the measure that it goes by.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct ErrorFeedbackTests {
  private static let levels = CPUFeatures.current.available.map(KernelTable.init)

  /// Inputs that go together, as those of a model do: `[rows, width]`.
  private static func inputs(_ width: Int, rows: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    let few = max(1, width / 3)
    let mix = random.floats(few * width)
    return (0..<rows).flatMap { _ -> [Float] in
      let source = random.floats(few)
      let noise = random.floats(width)
      return (0..<width).map { column in
        (0..<few).reduce(0.1 * noise[column]) { $0 + source[$1] * mix[$1 * width + column] }
      }
    }
  }

  private static func moments(_ x: [Float], width: Int, pool: ThreadPool = .shared) -> InputMoments {
    let moments = InputMoments(width: width)
    let means = ProductMeans(pool: pool)
    // In two parts, as a text comes.
    let first = x.count / width / 2
    moments.add(x, rowCount: first, with: means)
    x.withUnsafeBufferPointer { x in
      if let start = x.baseAddress {
        moments.add(start + first * width, rowCount: x.count / width - first, with: means)
      }
    }
    return moments
  }

  /// GPTQ's steps as its paper has them: the inverse, its Cholesky factor, input by input; in float64.
  private static func reference(
    _ weights: [Float], _ moments: [Double], width: Int, damping: Double, scales: [Float], size: Int
  ) -> [Int8] {
    var h = moments
    let mean = (0..<width).reduce(0.0) { $0 + h[$1 * width + $1] } / Double(width)
    for index in 0..<width { h[index * width + index] += damping * mean }
    let inverse = inverted(h, width)
    let upper = upperFactor(of: inverse, width)
    let rows = weights.count / width
    let groups = (width + size - 1) / size
    var result = [Int8](repeating: 0, count: weights.count)
    for row in 0..<rows {
      var rest = (0..<width).map { Double(weights[row * width + $0]) }
      for column in 0..<width {
        let scale = Double(scales[row * groups + column / size])
        let q = max(-127, min(127, (rest[column] / scale).rounded(.toNearestOrEven)))
        result[row * width + column] = Int8(q)
        let error = (rest[column] - q * scale) / upper[column * width + column]
        for next in column..<width { rest[next] -= error * upper[column * width + next] }
      }
    }
    return result
  }

  /// Gauss and Jordan's inverse.
  private static func inverted(_ matrix: [Double], _ n: Int) -> [Double] {
    var a = matrix
    var b = (0..<(n * n)).map { $0 / n == $0 % n ? 1.0 : 0 }
    for pivot in 0..<n {
      let factor = 1 / a[pivot * n + pivot]
      for column in 0..<n {
        a[pivot * n + column] *= factor
        b[pivot * n + column] *= factor
      }
      for row in 0..<n where row != pivot {
        let factor = a[row * n + pivot]
        for column in 0..<n {
          a[row * n + column] -= factor * a[pivot * n + column]
          b[row * n + column] -= factor * b[pivot * n + column]
        }
      }
    }
    return b
  }

  /// U, upper triangular, of `Uᵀ U`.
  private static func upperFactor(of matrix: [Double], _ n: Int) -> [Double] {
    var u = [Double](repeating: 0, count: n * n)
    for row in 0..<n {
      var pivot = matrix[row * n + row]
      for other in 0..<row { pivot -= u[other * n + row] * u[other * n + row] }
      u[row * n + row] = pivot.squareRoot()
      for column in (row + 1)..<max(row + 1, n) {
        var value = matrix[row * n + column]
        for other in 0..<row { value -= u[other * n + row] * u[other * n + column] }
        u[row * n + column] = value / u[row * n + row]
      }
    }
    return u
  }

  private static func exactMoments(_ x: [Float], width: Int) -> [Double] {
    var h = [Double](repeating: 0, count: width * width)
    for row in 0..<(x.count / width) {
      for i in 0..<width {
        for j in 0..<width { h[i * width + j] += Double(x[row * width + i]) * Double(x[row * width + j]) }
      }
    }
    return h
  }

  private static func round(
    _ weights: [Float], _ moments: InputMoments, scales: [Float], size: Int, damping: Double = 0.01,
    kernels: KernelTable = .current, pool: ThreadPool = .shared
  ) throws -> [Int8] {
    let factor = try #require(
      FeedbackFactor(
        moments.completed(), width: moments.width, damping: damping, pool: pool, kernels: kernels))
    var result = [Int8](repeating: 99, count: weights.count)
    FeedbackRounding(factor, groupSize: size).round(
      weights, rowCount: weights.count / moments.width, scales: scales, into: &result, pool: pool)
    return result
  }

  /// How far rounding moves the product's outputs, squared.
  private static func loss(
    _ weights: [Float], _ q: [Int8], _ scales: [Float], size: Int, _ h: [Double], width: Int
  ) -> Double {
    let groups = (width + size - 1) / size
    return (0..<(weights.count / width)).reduce(0.0) { sum, row in
      let d = (0..<width).map {
        Double(weights[row * width + $0]) - Double(q[row * width + $0])
          * Double(scales[row * groups + $0 / size])
      }
      var loss = 0.0
      for i in 0..<width { for j in 0..<width { loss += d[i] * h[i * width + j] * d[j] } }
      return sum + loss
    }
  }

  @Test(arguments: [(1, 1, 5), (5, 5, 3), (16, 8, 16), (48, 16, 21), (130, 130, 33), (192, 64, 16)])
  func `integers are those of GPTQ's steps in float64`(width: Int, size: Int, rowCount: Int) throws {
    let x = Self.inputs(width, rows: 3 * width + 2, seed: UInt64(width))
    var random = SeededRandom(seed: 7)
    let weights = random.floats(width * rowCount)
    let fit = WeightedScaleFit(
      weights: [Float](repeating: 1, count: width), groupSize: size, scaleType: .f32)
    let scales = fit.scales(of: weights, rowCount: rowCount, pool: .shared)
    let h = Self.exactMoments(x, width: width)
    let moments = Self.moments(x, width: width)
    #expect(moments.rowCount == x.count / width)
    let found = try Self.round(weights, moments, scales: scales, size: size)
    let expected = Self.reference(weights, h, width: width, damping: 0.01, scales: scales, size: size)
    let equal = zip(found, expected).count { $0 == $1 }
    // Where a quotient is half-way between two integers, single precision may take the other one.
    #expect(Double(equal) >= 0.995 * Double(found.count), "\(equal) of \(found.count)")
    // What it goes by is no worse than what float64 gives, nor than rounding to nearest.
    let groups = width / size
    let nearest = weights.indices.map { index in
      ReferenceKernels.quantize(
        weights[index], scale: scales[index / width * groups + index % width / size])
    }
    func loss(_ q: [Int8]) -> Double {
      Self.loss(weights, q, scales, size: size, h, width: width)
    }
    #expect(loss(found) <= 1.02 * loss(expected) && (width < 16 || loss(found) < 0.8 * loss(nearest)))
  }

  @Test func `integers are the same at every level and for any number of threads`() throws {
    let (width, rowCount) = (144, 37)
    let moments = Self.moments(Self.inputs(width, rows: 300, seed: 3), width: width)
    var random = SeededRandom(seed: 11)
    let weights = random.floats(width * rowCount)
    let scales = random.floats(rowCount * 9).map { 0.004 + 0.004 * $0.magnitude }
    let first = try Self.round(weights, moments, scales: scales, size: 16, kernels: Self.levels[0])
    for kernels in Self.levels {
      for threads in [1, 2, 5] {
        let pool = ThreadPool(threadCount: threads)
        let found = try Self.round(weights, moments, scales: scales, size: 16, kernels: kernels, pool: pool)
        #expect(found == first, "\(kernels), \(threads)")
      }
    }
  }

  @Test func `moments are the same for any number of threads, and near those of float64`() {
    let width = 200
    let x = Self.inputs(width, rows: 130, seed: 5)
    let exact = Self.exactMoments(x, width: width)
    let largest = exact.map(\.magnitude).max() ?? 0
    let first = Self.moments(x, width: width, pool: ThreadPool(threadCount: 1))
    let all = Array(UnsafeBufferPointer(start: first.completed(), count: width * width))
    #expect(zip(all, exact).allSatisfy { (Double($0) - $1).magnitude <= 1e-5 * largest })
    #expect(first.squares == (0..<width).map { all[$0 * width + $0] })
    for threads in [2, 3] {
      let other = Self.moments(x, width: width, pool: ThreadPool(threadCount: threads))
      #expect(Array(UnsafeBufferPointer(start: other.completed(), count: width * width)) == all)
    }
  }

  @Test func `inputs that are never seen leave the rounding to nearest, and NaN has no factor`() throws {
    let width = 32
    let none = InputMoments(width: width)
    var random = SeededRandom(seed: 2)
    let weights = random.floats(width * 4)
    let scales = [Float](repeating: 0.01, count: 4)
    let found = try Self.round(weights, none, scales: scales, size: width)
    #expect(found == weights.map { ReferenceKernels.quantize($0, scale: 0.01) })
    var x = random.floats(width * 2)
    x[5] = .nan
    let broken = Self.moments(x, width: width)
    #expect(FeedbackFactor(broken.completed(), width: width, damping: 0.01, pool: .shared) == nil)
  }

  @Test func `the cost is that of the values, and of the outputs`() throws {
    let (width, rowCount) = (40, 19)
    let x = Self.inputs(width, rows: 90, seed: 8)
    let moments = Self.moments(x, width: width)
    var random = SeededRandom(seed: 4)
    let weights = random.floats(width * rowCount)
    let scales = (0..<(rowCount * 5)).map { _ in Float(0.008) }
    let factor = try #require(
      FeedbackFactor(moments.completed(), width: width, damping: 0.01, pool: .shared))
    let rounding = FeedbackRounding(factor, groupSize: 8)
    var q = [Int8](repeating: 0, count: weights.count)
    rounding.round(weights, rowCount: rowCount, scales: scales, into: &q, pool: .shared)
    var differences = [Float](repeating: 0, count: weights.count)
    let cost = RoundingCost(width: width, groupSize: 8).cost(
      of: weights, rowCount: rowCount, scales: scales, integers: q, differences: &differences, pool: .shared)
    let exact = zip(weights, q).map { Double($0) - Double($1) * Double(Float(0.008)) }
    #expect(cost.count == weights.count)
    #expect((cost.noise / exact.reduce(0) { $0 + $1 * $1 } - 1).magnitude < 1e-5)
    #expect((cost.largest - (exact.map(\.magnitude).max() ?? 0)).magnitude < 1e-7)
    var products = [Float](repeating: 0, count: weights.count)
    let energy = moments.energy(
      of: differences, rowCount: rowCount, products: &products, with: ProductMeans(pool: .shared))
    let expected = Self.loss(
      weights, q, scales, size: 8, Self.exactMoments(x, width: width), width: width)
    #expect((energy / expected - 1).magnitude < 1e-4)
  }
}
