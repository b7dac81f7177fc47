// SPDX-License-Identifier: Apache-2.0
// Products against the plain twin over odd sizes, and the promise that threads change no bit.
import IngotCore
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct MatrixProductTests {
  /// M, N, K: zeros, ones, primes, and one less, equal and one more than tiles, panels and chains.
  static let sizes: [(m: Int, n: Int, k: Int)] = [
    (0, 3, 5), (3, 0, 5), (1, 1, 0), (4, 5, 0), (1, 1, 1), (1, 2, 3), (2, 7, 1), (3, 1, 64), (3, 31, 65),
    (13, 33, 63),
    (14, 32, 64), (15, 32, 128), (29, 97, 131), (5, 129, 67), (1, 257, 129), (2, 255, 130), (1, 3, 511),
    (2, 127, 33),
    (7, 65, 16), (6, 16, 17), (43, 130, 15), (193, 33, 66), (205, 100, 129), (1, 33, 96), (2, 7, 32),
    (37, 131, 160),
  ]
  static let levels = CPUFeatures.current.available.map(KernelTable.init)

  @Test(arguments: sizes, levels)
  func `equals the plain twin for every weight type and layout`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for kind in StoredWeight.kinds(depth: size.k) {
      for scale in [ScaleKind.none, .perTensor, .perColumn] {
        let problem = Problem(size: size, kind: kind, scale: scale)
        let (y, guards) = problem.run(kernels: kernels, pool: nil)
        #expect(guards)
        #expect(problem.worstError(of: y) <= 1, "\(kind) \(scale)")
      }
    }
  }

  @Test(arguments: [WeightLayout.inOut, .outIn], [1, 2, 3, 37])
  func `gives the same bytes for one, two and three threads`(layout: WeightLayout, rowCount: Int) {
    let problem = Problem(
      size: (rowCount, 1031, 1051), kind: StoredWeight.Kind(element: .f32, layout: layout), scale: .none)
    let (one, _) = problem.run(kernels: .current, pool: nil)
    for threadCount in [1, 2, 3] {
      let (several, _) = problem.run(kernels: .current, pool: ThreadPool(threadCount: threadCount))
      #expect(several.map(\.bitPattern) == one.map(\.bitPattern))
    }
  }

  @Test(arguments: sizes, levels)
  func `dot products equal the plain twin for every weight type`(
    size: (m: Int, n: Int, k: Int), kernels: KernelTable
  ) {
    for element in WeightMatrix.Element.plain {
      let kind = StoredWeight.Kind(element: element, layout: .outIn)
      var problem = Problem(size: size, kind: kind, scale: .none)
      problem.bias = []
      let (y, guards) = problem.run(kernels: kernels, pool: nil, byDots: true)
      #expect(guards)
      #expect(problem.worstError(of: y) <= 1, "\(element)")
    }
  }

  /// One row streams through the weight, some multiply it as it is stored, many pack it first.
  @Test(arguments: levels, [WeightLayout.inOut, .outIn])
  func `a row's result does not depend on the rows beside it`(
    kernels: KernelTable, layout: WeightLayout
  ) {
    for kind in StoredWeight.kinds(depth: 224) where kind.layout == layout {
      let many = Problem(size: (201, 130, 224), kind: kind, scale: .perColumn)
      let (all, _) = many.run(kernels: kernels, pool: nil)
      for rowCount in [1, 31] {
        var some = many
        some.size.m = rowCount
        let (first, _) = some.run(kernels: kernels, pool: nil)
        #expect(first.map(\.bitPattern) == all[..<(rowCount * 130)].map(\.bitPattern), "\(kind)")
      }
    }
  }
}

enum ScaleKind { case none, perTensor, perColumn }

/// A product of random numbers, with its exact result.
private struct Problem {
  var size: (m: Int, n: Int, k: Int)
  let x: [Float]
  let stored: StoredWeight
  /// The numbers that it stands for, without its padding.
  let weight: [Double]
  let scales: [Float]
  var bias: [Float]
  /// Padding of each row, so that strides are tested; of blocks a whole one.
  let padding: Int

  init(size: (m: Int, n: Int, k: Int), kind: StoredWeight.Kind, scale: ScaleKind) {
    var random = SeededRandom(seed: UInt64(size.m * 10_007 + size.n * 101 + size.k))
    self.size = size
    let padding = kind.element == .q80 ? 32 : 3
    self.padding = padding
    x = random.floats(size.m * (size.k + padding))
    let (rows, columns) = kind.layout == .inOut ? (size.k, size.n) : (size.n, size.k)
    stored = StoredWeight(random.floats(rows * (columns + padding)), as: kind, rowCount: rows)
    let values = stored.values
    weight = (0..<rows).flatMap { values[($0 * (columns + padding))..<($0 * (columns + padding) + columns)] }
    switch scale {
    case .none: scales = []
    case .perTensor: scales = [0.37]
    case .perColumn: scales = random.floats(size.n)
    }
    bias = scale == .perTensor ? [] : random.floats(size.n)
  }

  /// The product, without padding, and whether the padding of y is untouched.
  func run(kernels: KernelTable, pool: ThreadPool?, byDots: Bool = false) -> ([Float], Bool) {
    let product = MatrixProduct(rowCount: size.m, columnCount: size.n, depth: size.k)
    let stride = size.n + padding
    var y = [Float](repeating: -77, count: size.m * stride + 1)
    stored.withMatrix { plain in
      x.withUnsafeBufferPointer { x in
        scales.withUnsafeBufferPointer { scales in
          bias.withUnsafeBufferPointer { bias in
            y.withUnsafeMutableBufferPointer { y in
              // An empty array has no address; the product reads nothing from it then.
              let none = UnsafeMutablePointer<Float>.allocate(capacity: 1)
              defer { none.deallocate() }
              var matrix = plain
              matrix.scales = scales.isEmpty ? nil : scales.baseAddress
              matrix.hasScalePerColumn = scales.count > 1
              let rows = FloatRows(x.baseAddress ?? UnsafePointer(none), stride: size.k + padding)
              let result = MutableFloatRows(y.baseAddress ?? none, stride: stride)
              if byDots {
                return product.multiplyByDots(rows, by: matrix, into: result, kernels: kernels)
              }
              product.multiply(
                rows, by: matrix, end: ProductEnd(bias: bias.isEmpty ? nil : bias.baseAddress), into: result,
                with: ProductMeans(pool: pool, kernels: kernels))
            }
          }
        }
      }
    }
    let rows = (0..<size.m).flatMap { y[($0 * stride)..<($0 * stride + size.n)] }
    let guards = (0..<size.m).allSatisfy { row in
      (size.n..<stride).allSatisfy { y[row * stride + $0] == -77 }
    }
    return (rows, guards && y.last == -77)
  }

  /// The largest error over its bound: γ = (64 + K/64 + 4) · 2⁻²⁴ times the sum of magnitudes (Higham, 4.2: a sum of
  /// chains is off by at most the longest path of roundings; 4 for scale and bias).
  func worstError(of y: [Float]) -> Double {
    let xStride = size.k + padding
    var plain: [Double] = []
    for row in 0..<size.m { plain += x[(row * xStride)..<(row * xStride + size.k)].map { Double($0) } }
    let exact = ReferenceKernels.product(
      plain, by: weight, layout: stored.kind.layout, bias: [], depth: size.k, columnCount: size.n)
    let sizes = ReferenceKernels.product(
      plain.map { $0.magnitude }, by: weight.map { $0.magnitude }, layout: stored.kind.layout, bias: [],
      depth: size.k,
      columnCount: size.n)
    let gamma = Double(64 + size.k / 64 + 4) * 0x1p-24
    var worst = 0.0
    for index in y.indices {
      let column = index % size.n
      let scale = scales.isEmpty ? 1 : Double(scales[scales.count > 1 ? column : 0])
      let offset = bias.isEmpty ? 0 : Double(bias[column])
      // No depth: the plain twin, which counts rows by it, has no rows.
      let sum = size.k == 0 ? 0 : exact[index]
      let magnitude = size.k == 0 ? 0 : sizes[index]
      let bound = gamma * (magnitude * scale.magnitude + offset.magnitude) + 0x1p-149
      worst = max(worst, (Double(y[index]) - (sum * scale + offset)).magnitude / bound)
    }
    return worst
  }
}
