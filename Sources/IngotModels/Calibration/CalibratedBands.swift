// SPDX-License-Identifier: Apache-2.0
// Rounds a weight with error feedback while its rows stream by, some outputs at a time.
import IngotBytes
import IngotCore
import IngotKernels

/// Rounds a weight's outputs, band by band, and writes what becomes of them.
final class CalibratedBands {
  private let form: CalibratedForm
  private let name: String
  private let rounding: FeedbackRounding
  private let fit: WeightedScaleFit
  private let moments: InputMoments
  private let file: OutputFile
  private let means: ProductMeans
  private let pool: ThreadPool
  private let width: Int
  private let groupCount: Int
  /// Where what follows goes.
  private var places: (integers: Int, scales: Int)
  /// `[rows, K]`, as far as they are there.
  private let rows: AlignedBuffer
  private let rowCapacity: Int
  private var filled = 0
  /// What rounding cost so far.
  private(set) var error = QuantizationError()
  /// The largest magnitudes so far.
  private(set) var peaks: MatrixPeaks?
  private var position = 0
  /// What it cost the product's output.
  private(set) var outputError = OutputError()

  /// Bytes of rows that are rounded at a time.
  private static let bandByteCount = 4 << 20

  /// Prepares for a weight.
  ///
  /// - Parameters:
  ///   - form: what it becomes.
  ///   - name: the tensor's name, for errors.
  ///   - shape: its shape, `[N, K]`.
  ///   - factor: how errors are made up for.
  ///   - moments: those of its inputs, completed.
  ///   - file: where integers and scales go.
  ///   - places: where each begins.
  ///   - pool: the threads.
  init(
    _ form: CalibratedForm, of name: String, shape: Shape, factor: FeedbackFactor, moments: InputMoments,
    to file: OutputFile, places: (integers: Int, scales: Int), pool: ThreadPool
  ) {
    peaks = MatrixPeaks(shape)
    (self.form, self.name, self.moments, self.file) = (form, name, moments, file)
    (self.places, self.pool) = (places, pool)
    width = factor.width
    let size = form.groupSize(of: width)
    groupCount = width.dividedUp(by: size)
    rounding = FeedbackRounding(factor, groupSize: size)
    // As much as errors of an input cost: how large it was, and what was added to that. Near 1, so that sums stay in range.
    let squares = moments.squares.map { Double($0) + Double(factor.damping) }
    let mean = squares.reduce(0, +) / Double(max(1, width))
    fit = WeightedScaleFit(
      weights: squares.map { Float($0 / mean) }, groupSize: size, scaleType: form.scaleType)
    means = ProductMeans(pool: pool)
    let step = FeedbackRounding.rowStep
    rowCapacity = max(1, Self.bandByteCount / (width * MemoryLayout<Float>.size) / step) * step
    rows = AlignedBuffer(uninitializedByteCount: rowCapacity * width * MemoryLayout<Float>.size)
  }

  /// Adds bytes of the weight, F32, in their order.
  func add(_ tile: UnsafeRawBufferPointer) throws(IngotError) {
    let capacity = rowCapacity * width * MemoryLayout<Float>.size
    var rest = tile[...]
    while !rest.isEmpty {
      let count = min(rest.count, capacity - filled)
      if let source = UnsafeRawBufferPointer(rebasing: rest.prefix(count)).baseAddress {
        (rows.start + filled).copyMemory(from: source, byteCount: count)
      }
      filled += count
      rest = rest.dropFirst(count)
      if filled == capacity { try roundBand() }
    }
  }

  /// Rounds what is left.
  func finish() throws(IngotError) {
    if filled > 0 { try roundBand() }
    guard !error.isAllLost else {
      throw .unrepresentable(
        tensor: name, target: form.scaleType.dtype.rawValue,
        why: "all of its scales are below its range, so that nothing of it is left", hint: nil)
    }
  }

  private func roundBand() throws(IngotError) {
    let rowCount = filled / (width * MemoryLayout<Float>.size)
    filled = 0
    let values = UnsafePointer(rows.pointer(as: Float.self))
    peaks?.add(UnsafeBufferPointer(start: values, count: rowCount * width), from: position)
    position += rowCount * width
    let scales = try scales(of: values, rowCount: rowCount)
    let room = AlignedBuffer(byteCount: rowCount * width)
    let integers = room.pointer(as: Int8.self)
    rounding.round(values, rowCount: rowCount, scales: scales, into: integers, pool: pool)
    measure(values, rowCount: rowCount, scales: scales, integers)
    try write(integers, scales, rowCount: rowCount)
  }

  private func scales(of values: UnsafePointer<Float>, rowCount: Int) throws(IngotError) -> [Float] {
    if case .whole(let scale) = form { return [Float](repeating: scale, count: rowCount) }
    let scales = fit.scales(of: values, rowCount: rowCount, pool: pool)
    guard scales.allSatisfy(\.isFinite) else {
      let bad = UnsafeBufferPointer(start: values, count: rowCount * width).count { !$0.isFinite }
      guard bad == 0 else {
        throw .unrepresentable(
          tensor: name, target: DType.i8.rawValue,
          why: "\(bad, "of its values is", "of its values are") not finite", hint: .remedy(.findNonFinite))
      }
      throw .unrepresentable(
        tensor: name, target: form.scaleType.dtype.rawValue, why: "scales of its groups are beyond its range",
        hint: nil)
    }
    return scales
  }

  /// Adds up what rounding cost, the values and the product's output.
  private func measure(
    _ values: UnsafePointer<Float>, rowCount: Int, scales: [Float], _ integers: UnsafePointer<Int8>
  ) {
    let memory = AlignedBuffer(uninitializedByteCount: 2 * rowCount * width * MemoryLayout<Float>.size)
    let differences = memory.pointer(as: Float.self)
    let products = differences + rowCount * width
    error.merge(
      rounding.cost(
        of: values, rowCount: rowCount, scales: scales, integers: integers, differences: differences,
        pool: pool))
    outputError.add(
      signal: moments.energy(of: values, rowCount: rowCount, products: products, with: means),
      noise: moments.energy(of: differences, rowCount: rowCount, products: products, with: means))
  }

  private func write(
    _ integers: UnsafePointer<Int8>, _ scales: [Float], rowCount: Int
  ) throws(IngotError) {
    let bytes = UnsafeRawBufferPointer(start: integers, count: rowCount * width)
    switch form {
    case .blocks:
      let blocks = blocks(bytes, scales: scales)
      try file.write(blocks, at: places.integers)
      places.integers += blocks.count
      return
    case .channels, .groups:
      let stored = form.scaleType.bytes(of: scales)
      try file.write(stored, at: places.scales)
      places.scales += stored.count
    case .whole: break
    }
    try file.write(bytes, at: places.integers)
    places.integers += bytes.count
  }

  /// Blocks of Q8_0: a scale, then its integers (formats/gguf.md).
  private func blocks(_ integers: UnsafeRawBufferPointer, scales: [Float]) -> [UInt8] {
    let scales = form.scaleType.bytes(of: scales)
    let size = BlockType.q80.elementCount
    let scaleWidth = BlockType.q80.byteCount - size
    var blocks: [UInt8] = []
    blocks.reserveCapacity(scales.count + integers.count)
    for block in 0..<(scales.count / scaleWidth) {
      blocks += scales[(block * scaleWidth)..<((block + 1) * scaleWidth)]
      blocks += integers[(block * size)..<((block + 1) * size)]
    }
    return blocks
  }
}
