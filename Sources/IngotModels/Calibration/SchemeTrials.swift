// SPDX-License-Identifier: Apache-2.0
// Rounds one weight by several schemes, to compare what each costs, and to int8 as a run takes it.
import IngotBytes
import IngotCore
import IngotDialects
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotRuntime
import IngotTransforms

/// What several schemes cost one weight.
struct WeightTrial {
  /// How much what the product gives is moved, by scheme: squares summed over the text, and over the values where there is no
  /// product.
  var noise: [QuantizationScheme: Double]
  /// The same of ``probe``.
  var probeNoise: Double
  /// The weight in int8, one scale an output, rounded to nearest.
  var probe: Weight

  /// Adds the trial of another parameter of the same tensor, whose schemes are the same.
  mutating func add(_ other: WeightTrial) {
    noise.merge(other.noise) { $0 + $1 }
    probeNoise += other.probeNoise
  }
}

/// Rounds weights by several schemes.
struct SchemeTrials {
  /// The schemes.
  static let schemes: [QuantizationScheme] = [
    .int8, .int8Group128, .int8Group64, .int8Group32, .int8Group16, .q80,
  ]

  /// The model.
  let model: Model
  /// How scales of groups are stored.
  let scaleType: ScaleType
  /// Whether rounding is with error feedback.
  let isCalibrated: Bool
  /// The threads.
  let pool: ThreadPool

  /// What is known of a weight's inputs.
  struct Inputs {
    /// Their moments, completed.
    let moments: InputMoments
    /// How errors are made up for.
    let factor: FeedbackFactor
  }

  /// Tries the schemes that fit a parameter.
  ///
  /// - Parameters:
  ///   - role: the parameter, a matrix.
  ///   - inputs: what is known of what it is multiplied by; `nil` of one without a product.
  /// - Returns: what each costs, and the weight in int8.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values that are not finite, and read
  ///   errors.
  func run(_ role: TensorRole, inputs: Inputs?) throws(IngotError) -> WeightTrial {
    let name = model.recognised.name(of: role)
    let isTurned = model.recognised.graph.parameter(role)?.outputAxis == 1
    let matrix = try model.outputRows(of: role)
    let (rowCount, width) = (matrix.shape.dimensions[0], matrix.shape.dimensions[1])
    let schemes = Self.schemes.filter { Self.fits($0, width: width) }
    let roundings = schemes.map { rounding($0, of: name, width: width, inputs) }
    let probe = BandRounding(
      nearest: .channels, of: name, width: width, moments: inputs?.moments, pool: pool)
    let integers = AlignedBuffer(uninitializedByteCount: rowCount * width)
    var scales: [Float] = []
    let bands = RowBands(width: width)
    func take(_ rows: UnsafePointer<Float>, _ count: Int) throws(IngotError) {
      for rounding in roundings { _ = try rounding.round(rows, rowCount: count) }
      let band = try probe.round(rows, rowCount: count)
      (integers.start + scales.count * width).copyMemory(from: band.integers.start, byteCount: count * width)
      scales += band.scales
    }
    let files = SourceFiles(model.checkpoint.files, system: model.work.system)
    try TileEngine().forEachTile(of: try matrix.open(files: files, scratchFolder: model.work.scratchFolder)) {
      (tile, _) throws(IngotError) in
      try bands.add(tile, take)
    }
    try bands.finish(take)
    return WeightTrial(
      noise: Dictionary(
        zip(schemes, roundings.map { Self.noise($0, inputs) }), uniquingKeysWith: { first, _ in first }),
      probeNoise: Self.noise(probe, inputs),
      probe: Self.weight(integers, scales, rowCount: rowCount, width: width, isTurned: isTurned))
  }

  /// Whether a scheme's groups are whole ones of so many inputs.
  static func fits(_ scheme: QuantizationScheme, width: Int) -> Bool {
    let size = scheme == .q80 ? BlockType.q80.elementCount : scheme.groupSize
    return size.map { width.isMultiple(of: $0) } ?? true
  }

  private func rounding(
    _ scheme: QuantizationScheme, of name: String, width: Int, _ inputs: Inputs?
  ) -> BandRounding {
    let form: CalibratedForm =
      scheme == .q80 ? .blocks : scheme.groupSize.map { .groups($0, scaleType) } ?? .channels
    if isCalibrated, let inputs {
      return BandRounding(form, of: name, by: inputs.factor, moments: inputs.moments, pool: pool)
    }
    return BandRounding(nearest: form, of: name, width: width, moments: inputs?.moments, pool: pool)
  }

  /// What rounding moves: outputs on the text, and a share of the values as the feedback counts them (its damping), which for
  /// a table that is a head too is what its rows are worth as inputs.
  private static func noise(_ rounding: BandRounding, _ inputs: Inputs?) -> Double {
    guard let inputs else { return rounding.error.noise }
    return rounding.outputError.noise + Double(inputs.factor.damping) * rounding.error.noise
  }

  /// Integers `[N, K]` as a weight of a graph.
  private static func weight(
    _ integers: AlignedBuffer, _ scales: [Float], rowCount: Int, width: Int, isTurned: Bool
  ) -> Weight {
    var (stored, shape): (AlignedBuffer, Shape) = (integers, [rowCount, width])
    if isTurned {
      (stored, shape) = (AlignedBuffer(uninitializedByteCount: rowCount * width), [width, rowCount])
      MatrixTransposition(elementWidth: 1).transpose(
        rows: rowCount, columns: width, from: integers.start, sourceStride: width, to: stored.start,
        targetStride: rowCount)
    }
    return Weight(
      .number(.i8), shape: shape,
      bytes: UnsafeRawBufferPointer(start: stored.start, count: rowCount * width), owner: stored,
      scales: scales, scaleAxis: isTurned ? 1 : 0)
  }
}
