// SPDX-License-Identifier: Apache-2.0
// Every operator with fp32 activations over weights in their stored type, by the kernels, on the threads of a pool.
// Sums have one order whatever the threads.
import IngotCore
import IngotGraph
import IngotKernels

/// Runs a graph with fp32 activations.
public typealias Float32Executor = Executor<Float32Operators>

/// The arithmetic of every operator with fp32 activations.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public final class Float32Operators: OperatorSet {
  public typealias Element = Float

  private let store: WeightStore
  private let pool: ThreadPool
  private let kernels: KernelTable
  private let scratch = ProductScratch()
  private var headScratch: [ProductScratch]
  private var vectors: [TensorRole: [Float]] = [:]
  private var converted: [TensorRole: Weight] = [:]

  /// Makes operators.
  ///
  /// - Parameters:
  ///   - store: the weights; F32, F16, BF16 and int8 are used as they are stored, others are converted once.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  public init(_ store: WeightStore, pool: ThreadPool = .shared, kernels: KernelTable = .current) {
    self.store = store
    self.pool = pool
    self.kernels = kernels
    headScratch = (0..<pool.threadCount).map { _ in ProductScratch() }
  }

  /// A small weight as floats, converted when first used.
  private func vector(_ role: TensorRole) -> [Float] {
    if let vector = vectors[role] { return vector }
    let vector = store[role]?.floats ?? []
    vectors[role] = vector
    return vector
  }

  /// A matrix in a form that products take: a type they know, with scales along its output channels or none.
  private func matrix(_ role: TensorRole, outputAxis: Int) -> Weight? {
    guard let weight = store[role] else { return nil }
    let scalesFit = weight.scaleAxis == nil || weight.scaleAxis == outputAxis
    if WeightMatrix.Element(weight.dtype) != nil, scalesFit { return weight }
    if let known = converted[role] { return known }
    let floats = weight.floats
    let wide = Weight(dtype: .f32, shape: weight.shape, bytes: floats.withUnsafeBytes { Array($0) })
    converted[role] = wide
    return wide
  }

  public func embedding(_ ids: [Int], table: TensorRole) -> [Float] {
    guard let weight = matrix(table, outputAxis: 0), let start = weight.bytes.baseAddress,
      let byteWidth = weight.dtype.byteWidth,
      let conversion = ElementConversion(from: weight.dtype, to: .f32)
    else { return [] }
    let width = weight.shape.dimensions.last ?? 0
    var rows = [Float](repeating: 0, count: ids.count * width)
    rows.withUnsafeMutableBufferPointer { buffer in
      guard let target = buffer.baseAddress else { return }
      for (index, id) in ids.enumerated() {
        let row = target + index * width
        _ = conversion.convert(count: width, from: start + id * width * byteWidth, to: row)
        guard !weight.scales.isEmpty else { continue }
        for column in 0..<width { row[column] *= weight.scale(row: id, column: column) }
      }
    }
    return rows
  }

  public func add(_ a: [Float], _ b: [Float]) -> [Float] {
    var sum = a
    sum.withUnsafeMutableBufferPointer { sum in
      b.withUnsafeBufferPointer { b in
        guard let target = sum.baseAddress, let b = b.baseAddress else { return }
        kernels.add(target, b, into: target, count: sum.count)
      }
    }
    return sum
  }

  public func layerNorm(_ x: [Float], gain: TensorRole, bias: TensorRole, epsilon: Double) -> [Float] {
    let (gain, bias) = (vector(gain), vector(bias))
    let width = gain.count
    var y = x
    y.withUnsafeMutableBufferPointer { y in
      guard let target = y.baseAddress, width > 0 else { return }
      let rowCount = y.count / width
      gain.withUnsafeBufferPointer { gain in
        bias.withUnsafeBufferPointer { bias in
          guard let gain = gain.baseAddress, let bias = bias.baseAddress else { return }
          kernels.layerNorm(
            target, into: target, rowCount: rowCount, width: width, gain: gain, bias: bias, epsilon: epsilon)
        }
      }
    }
    return y
  }

  public func linear(_ x: [Float], weight role: TensorRole, layout: WeightLayout, bias: TensorRole?)
    -> [Float]
  {
    let isInOut = layout == .inOut
    guard let weight = matrix(role, outputAxis: isInOut ? 1 : 0), let product = weight.product(layout) else {
      return []
    }
    let depth = weight.shape.dimensions[isInOut ? 0 : 1]
    let columnCount = weight.shape.dimensions[isInOut ? 1 : 0]
    let rowCount = depth > 0 ? x.count / depth : 0
    let bias = bias.map(vector)
    return filled(rowCount * columnCount) { target in
      weight.withScales { scales in
        x.withUnsafeBufferPointer { x in
          guard let start = x.baseAddress else { return }
          var matrix = product
          matrix.scales = scales
          withPointer(to: bias) { bias in
            MatrixProduct(rowCount: rowCount, columnCount: columnCount, depth: depth).multiply(
              start, xStride: depth, by: matrix, end: ProductEnd(bias: bias), into: target,
              yStride: columnCount,
              scratch: scratch,
              pool: pool, kernels: kernels)
          }
        }
      }
    }
  }

  public func activation(_ kind: IngotGraph.ActivationKind, _ x: [Float]) -> [Float] {
    guard let kernel = kind.kernel else { return x }
    var y = x
    y.withUnsafeMutableBufferPointer { y in
      guard let target = y.baseAddress else { return }
      pool.forEachRange(y.count, grain: 1 << 14) { _, range in
        kernels.activate(
          kernel, target + range.lowerBound, into: target + range.lowerBound, count: range.count)
      }
    }
    return y
  }

  /// An array that `body` fills.
  private func filled(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let target = buffer.baseAddress { body(target) }
      initialized = count
    }
  }

  private func withPointer(to vector: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let vector else { return body(nil) }
    vector.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  // MARK: - Attention

  public func attention(
    _ qkv: [Float], _ attributes: AttentionAttributes, _ context: AttentionContext,
    cache: inout KVCache<Float>?
  ) -> [Float] {
    let width = attributes.headCount * attributes.headDimension
    var rows: [(keys: [Float], values: [Float], mask: [UInt8])] = []
    for row in 0..<context.batchCount {
      let (keys, values) = AttentionInputs.keysAndValues(
        of: qkv, row: row, slot: attributes.cacheSlot, width: width, context, cache: &cache)
      let count = context.contextCount
      let mask = context.mask.map { mask in
        mask[(row * count)..<((row + 1) * count)].map { $0 ? UInt8(1) : 0 }
      }
      rows.append((keys, values, mask ?? []))
    }
    let scoreCount = context.tokenCount * context.contextCount
    let scores = AlignedBuffer(Float.self, count: pool.threadCount * scoreCount)
    return filled(context.batchCount * context.tokenCount * width) { target in
      qkv.withUnsafeBufferPointer { qkv in
        guard let queries = qkv.baseAddress else { return }
        pool.run(chunkCount: context.batchCount * attributes.headCount) { slot, chunk in
          let (row, head) = (chunk / attributes.headCount, chunk % attributes.headCount)
          let work = HeadWork(
            query: queries + row * context.tokenCount * 3 * width + head * attributes.headDimension,
            output: target + row * context.tokenCount * width + head * attributes.headDimension,
            scores: scores.pointer(as: Float.self) + slot * scoreCount,
            headOffset: head * attributes.headDimension)
          attend(work, rows[row], attributes, context, scratch: headScratch[slot])
        }
      }
    }
  }

  /// Where one head of one row reads and writes.
  private struct HeadWork {
    /// `[T, E]`, rows 3D apart.
    let query: UnsafePointer<Float>
    /// `[T, E]`, rows D apart.
    let output: UnsafeMutablePointer<Float>
    /// `[T, P + T]`.
    let scores: UnsafeMutablePointer<Float>
    /// Elements of a key or value before this head's.
    let headOffset: Int
  }

  /// One head: `softmax(q kᵀ · scale) v`.
  private func attend(
    _ work: HeadWork, _ row: (keys: [Float], values: [Float], mask: [UInt8]),
    _ attributes: AttentionAttributes,
    _ context: AttentionContext, scratch: ProductScratch
  ) {
    let width = attributes.headCount * attributes.headDimension
    let (tokens, seen) = (context.tokenCount, context.contextCount)
    row.keys.withUnsafeBytes { keys in
      guard let start = keys.baseAddress else { return }
      let matrix = WeightMatrix(
        bytes: start + work.headOffset * 4, element: .f32, layout: .outIn, rowStride: width)
      MatrixProduct(rowCount: tokens, columnCount: seen, depth: attributes.headDimension).multiply(
        work.query, xStride: 3 * width, by: matrix, into: work.scores, yStride: seen,
        scratch: scratch,
        pool: nil, kernels: kernels)
    }
    for token in 0..<tokens {
      weigh(work.scores + token * seen, token: token, mask: row.mask, attributes, context)
    }
    row.values.withUnsafeBytes { values in
      guard let start = values.baseAddress else { return }
      let matrix = WeightMatrix(
        bytes: start + work.headOffset * 4, element: .f32, layout: .inOut, rowStride: width)
      MatrixProduct(rowCount: tokens, columnCount: attributes.headDimension, depth: seen).multiply(
        work.scores, xStride: seen, by: matrix, into: work.output, yStride: width,
        scratch: scratch,
        pool: nil, kernels: kernels)
    }
  }

  /// Scales one token's scores, hides what it may not see, and makes them shares.
  private func weigh(
    _ scores: UnsafeMutablePointer<Float>, token: Int, mask: [UInt8], _ attributes: AttentionAttributes,
    _ context: AttentionContext
  ) {
    let count = attributes.isCausal ? context.pastCount + token + 1 : context.contextCount
    let scale = Float(attributes.scale)
    for index in 0..<count { scores[index] *= scale }
    for index in count..<context.contextCount { scores[index] = 0 }
    guard !mask.isEmpty else { return kernels.softmax(scores, count: count, mask: nil) }
    mask.withUnsafeBufferPointer { kernels.softmax(scores, count: count, mask: $0.baseAddress) }
  }
}

extension WeightMatrix.Element {
  /// The element of a dtype that products take; `nil` for others.
  init?(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .i8: self = .i8
    default: return nil
    }
  }
}

extension Weight {
  /// The weight as a product reads it, without its scales; `nil` for types that no product takes.
  fileprivate func product(_ layout: WeightLayout) -> WeightMatrix? {
    guard let element = WeightMatrix.Element(dtype), let start = bytes.baseAddress, shape.rank == 2 else {
      return nil
    }
    return WeightMatrix(
      bytes: start, element: element, layout: layout == .inOut ? .inOut : .outIn,
      rowStride: shape.dimensions[1],
      hasScalePerColumn: scaleAxis != nil)
  }

  /// Calls `body` with the scales, `nil` for a plain weight.
  fileprivate func withScales(_ body: (UnsafePointer<Float>?) -> Void) {
    guard !scales.isEmpty else { return body(nil) }
    scales.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  /// The scale of one value of a matrix.
  fileprivate func scale(row: Int, column: Int) -> Float {
    switch scaleAxis {
    case 0: scales[row]
    case 1: scales[column]
    default: scales[0]
    }
  }
}
