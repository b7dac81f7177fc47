// SPDX-License-Identifier: Apache-2.0
// Rounds a weight with error feedback while its rows stream by, some outputs at a time, and writes what stands for them.
import IngotBytes
import IngotCore
import IngotKernels
import IngotQuantization

/// Rounds a weight's outputs, band by band, and writes what becomes of them.
final class CalibratedBands {
  private let form: CalibratedForm
  private let name: String
  private let width: Int
  private let file: OutputFile
  private let rounding: BandRounding
  private let rows: RowBands
  /// Where what follows goes.
  private var places: (integers: Int, scales: Int)
  /// The largest magnitudes so far.
  private(set) var peaks: MatrixPeaks?
  private var position = 0

  /// What rounding cost so far.
  var error: QuantizationError { rounding.error }
  /// What it cost the product's output.
  var outputError: OutputError { rounding.outputError }

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
    (self.form, self.name, self.file, self.places, width) = (form, name, file, places, factor.width)
    rounding = BandRounding(form, of: name, by: factor, moments: moments, pool: pool)
    rows = RowBands(width: width)
  }

  /// Adds bytes of the weight, F32, in their order.
  func add(_ tile: UnsafeRawBufferPointer) throws(IngotError) {
    try rows.add(tile) { (values, rowCount) throws(IngotError) in try round(values, rowCount: rowCount) }
  }

  /// Rounds what is left.
  func finish() throws(IngotError) {
    try rows.finish { (values, rowCount) throws(IngotError) in try round(values, rowCount: rowCount) }
  }

  private func round(_ values: UnsafePointer<Float>, rowCount: Int) throws(IngotError) {
    peaks?.add(UnsafeBufferPointer(start: values, count: rowCount * width), from: position)
    position += rowCount * width
    try write(rounding.round(values, rowCount: rowCount), rowCount: rowCount)
  }

  private func write(_ band: BandRounding.Band, rowCount: Int) throws(IngotError) {
    let bytes = UnsafeRawBufferPointer(start: band.integers.start, count: rowCount * width)
    switch form {
    case .blocks:
      let blocks = blocks(bytes, scales: band.scales)
      try file.write(blocks, at: places.integers)
      places.integers += blocks.count
      return
    case .channels, .dividedChannels, .groups:
      var scales = band.scales
      if case .dividedChannels = form { scales = try InverseScales(of: scales, tensor: name).values }
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
