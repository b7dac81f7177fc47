// SPDX-License-Identifier: Apache-2.0
// Products by packed weights in every form, against plain twins over odd sizes.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct PackedProductTests {
  static let levels = MatrixProductTests.levels
  static let sizes = MatrixProductTests.sizes.filter { $0.k > 0 }

  @Test(arguments: sizes, levels)
  func `exact forms give the bytes of the product that packs as it goes`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    let forms: [WeightMatrix.Element: PackedWeight.Form] = [.i8: .wideS8, .bf16: .wideBF16, .q80: .wideS8]
    for kind in StoredWeight.kinds(depth: size.k) {
      let own = forms[kind.element].map { [$0] } ?? []
      for form in [.f32] + own where form.isAvailable(in: kernels) {
        let problem = PackedProblem(size: size, kind)
        let packed = problem.run(form: form, kernels: kernels)
        #expect(packed == problem.run(form: nil, kernels: kernels), "\(kind) \(form)")
      }
    }
  }

  @Test(arguments: sizes, levels)
  func `blocks and runs give the bytes of the floats that they stand for`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for kind in StoredWeight.kinds(depth: size.k) where kind.element == .q80 || kind.runs != nil {
      let small = PackedProblem(size: size, kind)
      var floats = PackedProblem(size: size, StoredWeight.Kind(element: .f32, layout: kind.layout))
      floats.stored.bytes = small.stored.values.map(Float.init).withUnsafeBytes { Array($0) }
      for (form, wide) in [(PackedWeight.Form.wideS8, PackedWeight.Form.f32), (.bf16, .bf16)]
      where form.isAvailable(in: kernels) {
        #expect(
          small.run(form: form, kernels: kernels) == floats.run(form: wide, kernels: kernels), "\(kind)")
      }
    }
  }

  @Test(arguments: sizes, levels)
  func `narrow products that pack as they go give the bytes of packed ones`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for kind in StoredWeight.kinds(depth: size.k) {
      for form in [PackedWeight.Form.bf16] + (kind.element == .i8 && kind.runs == nil ? [.s8] : []) {
        let problem = PackedProblem(size: size, kind)
        let packed = problem.run(form: form, kernels: kernels)
        #expect(packed == problem.run(form: form, isPacked: false, kernels: kernels), "\(kind)")
      }
    }
  }

  @Test(arguments: sizes, levels)
  func `bf16 is the product of what both sides round to`(size: (m: Int, n: Int, k: Int), kernels: KernelTable)
  {
    for element in [WeightMatrix.Element.f32, .f16, .bf16] {
      for layout in [WeightLayout.inOut, .outIn] {
        let problem = PackedProblem(size: size, element: element, layout: layout)
        let y = problem.run(form: .bf16, kernels: kernels)
        let weight = problem.values.map { Double(ReferenceKernels.roundedToBF16(Float($0))) }
        let x = problem.x.map { Double(ReferenceKernels.roundedToBF16($0)) }
        // One chain of K sums, each rounded, and a few roundings of the end.
        #expect(
          problem.worstError(of: y, x: x, weight: weight, roundings: size.k + 4) <= 1, "\(element) \(layout)")
      }
    }
  }

  @Test(arguments: sizes, levels)
  func `int8 is the arithmetic of the numbers`(size: (m: Int, n: Int, k: Int), kernels: KernelTable) {
    for layout in [WeightLayout.inOut, .outIn] {
      let problem = PackedProblem(size: size, element: .i8, layout: layout)
      let y = problem.run(form: .s8, kernels: kernels)
      var x: [Double] = []
      for row in 0..<size.m {
        let (numbers, scale) = ReferenceKernels.quantizedRow(
          Array(problem.x[(row * size.k)..<((row + 1) * size.k)]))
        x += numbers.map { Double($0) * Double(scale) }
      }
      #expect(problem.worstError(of: y, x: x, weight: problem.values, roundings: 6) <= 1, "\(layout)")
    }
  }

  @Test(arguments: levels, [WeightLayout.inOut, .outIn])
  func `int8's sums are exact`(kernels: KernelTable, layout: WeightLayout) {
    var problem = PackedProblem(size: (17, 70, 1031), element: .i8, layout: layout)
    var random = SeededRandom(seed: 3)
    // Whole numbers with 127 among them: one stands for itself, and the result for the sum.
    problem.x = problem.x.indices.map { $0 % 1031 == 5 ? 127 : Float(random.integer(in: -127...127)) }
    problem.bias = [Float](repeating: 0, count: 70)
    problem.residual = [Float](repeating: 0, count: 17 * 70)
    let y = problem.run(form: .s8, activation: nil, kernels: kernels)
    let exact = ReferenceKernels.product(
      problem.x.map { Double($0) }, by: problem.values, layout: layout, bias: [], depth: 1031, columnCount: 70
    )
    #expect(y.map { Double($0) } == exact)
  }

  @Test(arguments: levels, [Float.nan, .infinity, -.infinity])
  func `a row that is not finite gives a row that is none, and no other`(kernels: KernelTable, bad: Float) {
    for place in [0, 15, 16, 66] {
      var problem = PackedProblem(size: (3, 40, 67), element: .i8, layout: .inOut)
      problem.x[67 + place] = bad
      let y = problem.run(form: .s8, activation: nil, kernels: kernels)
      for row in 0..<3 { #expect(y[(row * 40)..<((row + 1) * 40)].allSatisfy { $0.isNaN == (row == 1) }) }
    }
  }

  /// Rows whose largest magnitude is subnormal, or so small that 127 over it overflows.
  @Test(arguments: levels, [0x1p-126, 0x1p-119, 0x1p-140] as [Float])
  func `small rows keep their numbers`(kernels: KernelTable, unit: Float) {
    let values = (0..<67).map { Float($0 - 33) }
    var problem = PackedProblem(size: (1, 40, 67), element: .i8, layout: .inOut)
    problem.bias = [Float](repeating: 0, count: 40)
    problem.residual = [Float](repeating: 0, count: 40)
    problem.x = values
    let expected = ReferenceKernels.quantizedRow(values).numbers
    problem.x = values.map { $0 * unit }
    let (numbers, scale) = ReferenceKernels.quantizedRow(problem.x)
    #expect(numbers == expected)
    let sums = ReferenceKernels.product(
      numbers.map { Double($0) }, by: problem.values, layout: .inOut, bias: [], depth: 67, columnCount: 40)
    let y = problem.run(form: .s8, activation: nil, kernels: kernels)
    // The weight's scales are in the values; one rounding of sums and scales each, and of subnormal results.
    for (y, sum) in zip(y, sums) {
      #expect(
        (Double(y) - sum * Double(scale)).magnitude <= 0x1p-21 * (sum * Double(scale)).magnitude + 0x1p-149)
    }
  }

  @Test(arguments: [PackedWeight.Form.f32, .bf16, .s8, .wideS8])
  func `gives the same bytes for one, two and three threads`(form: PackedWeight.Form) {
    for rowCount in [1, 37] {
      for kind in StoredWeight.kinds(depth: 1056) where kind.element == .i8 || kind.element == .q80 {
        guard form != .s8 || (kind.element == .i8 && kind.runs == nil) else { continue }
        let problem = PackedProblem(size: (rowCount, 1031, kind.element == .q80 ? 1056 : 1051), kind)
        let one = problem.run(form: form, kernels: .current)
        for threadCount in [1, 2, 3] {
          let pool = ThreadPool(threadCount: threadCount)
          #expect(problem.run(form: form, pool: pool, kernels: .current) == one, "\(kind)")
        }
      }
    }
  }
}

/// A product with a bias, an activation and a residual.
private struct PackedProblem {
  let size: (m: Int, n: Int, k: Int)
  var x: [Float]
  var stored: StoredWeight
  var bias: [Float]
  var residual: [Float]

  var values: [Double] { stored.values }
  var layout: WeightLayout { stored.kind.layout }

  init(size: (m: Int, n: Int, k: Int), element: WeightMatrix.Element, layout: WeightLayout) {
    self.init(size: size, StoredWeight.Kind(element: element, layout: layout))
  }

  init(size: (m: Int, n: Int, k: Int), _ kind: StoredWeight.Kind) {
    var random = SeededRandom(seed: UInt64(size.m * 10_007 + size.n * 101 + size.k))
    self.size = size
    x = random.floats(size.m * size.k)
    stored = StoredWeight(
      random.floats(size.k * size.n), as: kind, rowCount: kind.layout == .inOut ? size.k : size.n)
    bias = random.floats(size.n)
    residual = random.floats(size.m * size.n)
  }

  /// The product over the residual, in place.
  func run(
    form: PackedWeight.Form?, isPacked: Bool = true, activation: ActivationKind? = .relu,
    pool: ThreadPool? = nil, kernels: KernelTable
  ) -> [Float] {
    guard size.m > 0, size.n > 0 else { return [] }
    let product = MatrixProduct(rowCount: size.m, columnCount: size.n, depth: size.k)
    var y = residual
    stored.withMatrix { matrix in
      x.withUnsafeBufferPointer { x in
        bias.withUnsafeBufferPointer { bias in
          y.withUnsafeMutableBufferPointer { y in
            guard let x = x.baseAddress, let y = y.baseAddress else { return }
            let end = ProductEnd(bias: bias.baseAddress, activation: activation, residual: UnsafePointer(y))
            let (rows, result) = (FloatRows(x, stride: size.k), MutableFloatRows(y, stride: size.n))
            let means = ProductMeans(pool: pool, kernels: kernels)
            guard let form else {
              return product.multiply(rows, by: matrix, end: end, into: result, with: means)
            }
            guard isPacked else {
              return product.multiplyNarrow(rows, by: matrix, as: form, end: end, into: result, with: means)
            }
            let packed = PackedWeight(
              matrix, columnCount: size.n, depth: size.k, form: form, pool: pool, kernels: kernels
            )
            product.multiply(rows, by: packed, end: end, into: result, with: means)
          }
        }
      }
    }
    return y
  }

  /// The largest error over its bound, so many roundings of the sum of magnitudes.
  func worstError(of y: [Float], x: [Double], weight: [Double], roundings: Int) -> Double {
    let exact = ReferenceKernels.product(
      x, by: weight, layout: layout, bias: [], depth: size.k, columnCount: size.n)
    let sizes = ReferenceKernels.product(
      x.map(\.magnitude), by: weight.map(\.magnitude), layout: layout, bias: [], depth: size.k,
      columnCount: size.n)
    var worst = 0.0
    for index in y.indices {
      let bias = Double(bias[index % size.n])
      let expected = Double(residual[index]) + max(0, exact[index] + bias)
      let scale = sizes[index] + bias.magnitude + Double(residual[index].magnitude)
      worst = max(
        worst, (Double(y[index]) - expected).magnitude / (Double(roundings) * 0x1p-24 * scale + 0x1p-149))
    }
    return worst
  }
}
