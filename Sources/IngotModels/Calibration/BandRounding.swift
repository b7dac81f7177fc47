// SPDX-License-Identifier: Apache-2.0
// Rounds some outputs of a weight at a time, to nearest or with error feedback, and adds up what that costs the values and
// what the product gives. What becomes of the integers is the caller's.
import IngotCore
import IngotKernels

/// Rounds a weight's outputs, band by band.
final class BandRounding {
  /// How scales and integers are found.
  private enum Method {
    case feedback(FeedbackRounding, WeightedScaleFit)
    case nearest(RunRule)
  }

  /// What stands for some outputs.
  struct Band {
    /// `[rows, K]`, C order.
    let integers: AlignedBuffer
    /// `[rows, K / size]`, as they are stored.
    let scales: [Float]
  }

  private let form: CalibratedForm
  private let name: String
  private let width: Int
  private let method: Method
  private let cost: RoundingCost
  private let moments: InputMoments?
  private let means: ProductMeans
  private let pool: ThreadPool
  /// What rounding cost the values so far.
  private(set) var error = QuantizationError()
  /// What it cost the product's output so far; nothing where no inputs are known.
  private(set) var outputError = OutputError()

  private init(
    _ form: CalibratedForm, of name: String, width: Int, method: Method, moments: InputMoments?,
    pool: ThreadPool
  ) {
    (self.form, self.name, self.width, self.method) = (form, name, width, method)
    (self.moments, self.pool) = (moments, pool)
    cost = RoundingCost(width: width, groupSize: form.groupSize(of: width))
    means = ProductMeans(pool: pool)
  }

  /// Prepares for rounding with error feedback, and the scales of least squared error, weighted by what inputs are like.
  ///
  /// - Parameters:
  ///   - form: what the weight becomes.
  ///   - name: the tensor's name, for errors.
  ///   - factor: how errors are made up for.
  ///   - moments: those of its inputs, completed.
  ///   - pool: the threads.
  convenience init(
    _ form: CalibratedForm, of name: String, by factor: FeedbackFactor, moments: InputMoments,
    pool: ThreadPool
  ) {
    let (width, size) = (factor.width, form.groupSize(of: factor.width))
    // As much as errors of an input cost: how large it was, and what was added to that. Near 1, so that sums stay in range.
    let squares = moments.squares.map { Double($0) + Double(factor.damping) }
    let mean = squares.reduce(0, +) / Double(max(1, width))
    let fit = WeightedScaleFit(
      weights: squares.map { Float($0 / mean) }, groupSize: size, scaleType: form.scaleType)
    self.init(
      form, of: name, width: width, method: .feedback(FeedbackRounding(factor, groupSize: size), fit),
      moments: moments, pool: pool)
  }

  /// Prepares for rounding to nearest, as weights are rounded that nothing is known of.
  ///
  /// - Parameters:
  ///   - form: what the weight becomes; not one with a scale that is known.
  ///   - name: the tensor's name, for errors.
  ///   - width: K.
  ///   - moments: those of its inputs, completed, to tell what its product gives; `nil` where it has none.
  ///   - pool: the threads.
  convenience init(
    nearest form: CalibratedForm, of name: String, width: Int, moments: InputMoments?, pool: ThreadPool
  ) {
    var rule = RunRule(size: form.groupSize(of: width), scaleType: form.scaleType)
    if case .groups = form { rule.isFitted = true }
    self.init(form, of: name, width: width, method: .nearest(rule), moments: moments, pool: pool)
  }

  /// Rounds outputs.
  ///
  /// - Parameters:
  ///   - values: `[rows, K]`.
  ///   - rowCount: the outputs.
  /// - Returns: what stands for them.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values that are not finite, and scales
  ///   beyond their type.
  func round(_ values: UnsafePointer<Float>, rowCount: Int) throws(IngotError) -> Band {
    let count = rowCount * width
    let room = AlignedBuffer(byteCount: count)
    let integers = room.pointer(as: Int8.self)
    let scales: [Float]
    switch method {
    case .feedback(let rounding, let fit):
      if case .whole(let scale) = form {
        scales = [Float](repeating: scale, count: rowCount)
      } else {
        scales = fit.scales(of: values, rowCount: rowCount, pool: pool)
        guard scales.allSatisfy(\.isFinite) else { throw refusal(of: values, count) }
      }
      rounding.round(values, rowCount: rowCount, scales: scales, into: integers, pool: pool)
    case .nearest(let rule):
      var quantizer = RunQuantizer(rule)
      let elements = Elements(
        UnsafeRawBufferPointer(start: values, count: count * MemoryLayout<Float>.size), .number(.f32))
      scales = try quantizer.scales(of: elements)
      if quantizer.nonFiniteCount + quantizer.overflowCount > 0 { throw refusal(of: values, count) }
      try quantizer.quantize(elements, to: UnsafeMutableRawBufferPointer(start: integers, count: count))
    }
    let memory = AlignedBuffer(
      uninitializedByteCount: (moments == nil ? 1 : 2) * count * MemoryLayout<Float>.size)
    let differences = memory.pointer(as: Float.self)
    error.merge(
      cost.cost(
        of: values, rowCount: rowCount, scales: scales, integers: integers, differences: differences,
        pool: pool))
    if let moments {
      let products = differences + count
      outputError.add(
        signal: moments.energy(of: values, rowCount: rowCount, products: products, with: means),
        noise: moments.energy(of: differences, rowCount: rowCount, products: products, with: means))
    }
    return Band(integers: room, scales: scales)
  }

  private func refusal(of values: UnsafePointer<Float>, _ count: Int) -> IngotError {
    let bad = UnsafeBufferPointer(start: values, count: count).count { !$0.isFinite }
    guard bad == 0 else {
      return .unrepresentable(
        tensor: name, target: DType.i8.rawValue,
        why: "\(bad, "of its values is", "of its values are") not finite", hint: .remedy(.findNonFinite))
    }
    return .unrepresentable(
      tensor: name, target: form.scaleType.dtype.rawValue, why: "scales of its groups are beyond its range",
      hint: nil)
  }
}

/// Collects the rows of a matrix that streams by, some at a time.
final class RowBands {
  private let width: Int
  private let rows: AlignedBuffer
  private let capacity: Int
  private var filled = 0

  /// Bytes of rows that are collected at a time.
  private static let byteCount = 4 << 20

  /// Prepares for rows of a width.
  init(width: Int) {
    self.width = width
    let (row, step) = (width * MemoryLayout<Float>.size, FeedbackRounding.rowStep)
    capacity = max(1, Self.byteCount / max(1, row) / step) * step * row
    rows = AlignedBuffer(uninitializedByteCount: capacity)
  }

  /// Adds bytes of the matrix, F32, in their order, and hands on what is full.
  func add(
    _ tile: UnsafeRawBufferPointer,
    _ body: (UnsafePointer<Float>, _ rowCount: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    var rest = tile[...]
    while !rest.isEmpty {
      let count = min(rest.count, capacity - filled)
      if let source = UnsafeRawBufferPointer(rebasing: rest.prefix(count)).baseAddress {
        (rows.start + filled).copyMemory(from: source, byteCount: count)
      }
      filled += count
      rest = rest.dropFirst(count)
      if filled == capacity { try finish(body) }
    }
  }

  /// Hands on what is left.
  func finish(
    _ body: (UnsafePointer<Float>, _ rowCount: Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    let rowCount = filled / max(1, width * MemoryLayout<Float>.size)
    filled = 0
    if rowCount > 0 { try body(UnsafePointer(rows.pointer(as: Float.self)), rowCount) }
  }
}
