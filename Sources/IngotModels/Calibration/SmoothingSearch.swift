// SPDX-License-Identifier: Apache-2.0
// By what powers of two the channels of products' inputs are divided before activations become int8, so that a few large ones
// leave the others their steps: for each input those of a handful that are expected to cost its products least.
// Xiao et al., "SmoothQuant", 2023, equation 4; page: docs/rounding.md.
import IngotBytes
import IngotCore
import IngotDialects
import IngotGraph
import IngotKernels
import IngotOutput
import IngotTransforms

/// Chooses powers of two for the inputs of products whose activations become int8.
package struct SmoothingSearch {
  private let model: Model
  private let text: CalibrationText
  private let inputs: [ScalableInput]
  private let weights: Set<TensorRole>

  /// Shares of an input's range that go over into the weights: the paper's α, one for all channels of an input.
  private static let shares = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
  /// The largest power either way, so that what is multiplied stays in the range of F16.
  private static let largestExponent = 10
  /// Tokens that ranges are taken from: they need far fewer than moments do.
  private static let tokenLimit = 8192

  /// Prepares a search.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: what it runs on.
  ///   - weights: those whose products take int8.
  package init(_ model: Model, on text: CalibrationText, weights: Set<TensorRole>) {
    (self.model, self.text, self.weights) = (model, text.thinned(to: Self.tokenLimit), weights)
    inputs = model.recognised.graph.scalableInputs.filter { input in
      input.takers.contains(where: weights.contains)
        // Of F64 an F32 product with a power of two is another number.
        && (input.takers + input.givers.map(\.role)).allSatisfy { model.descriptor($0)?.dtype != .f64 }
    }
  }

  /// Runs the model over the text twice: to see ranges, and what is left of them by each choice.
  ///
  /// - Parameter observer: hears of tokens.
  /// - Returns: what was chosen; inputs that no choice does good to stay.
  /// - Throws: the errors of loading and running the model, and of reading weights.
  package func run(progress observer: (any ProgressObserver)?) throws(IngotError) -> ChannelScaling {
    var scaling = ChannelScaling()
    guard !inputs.isEmpty else { return scaling }
    let graph = model.recognised.graph
    let stage = CalibrationStage(lookingAt: inputs.map { $0.shared(in: graph) }, of: graph)
    let collector = RangeCollector()
    let observation = try InputObservation(
      of: model, on: text, pool: model.work.threadPool, for: collector)
    try observation.run(stage, progress: observer)
    let choices = try zip(inputs, collector.ranges).map { (input, ranges) throws(IngotError) in
      try ways(toDivide: input, ranges)
    }
    collector.choices = choices.map { $0.map(\.powers.inverses) }
    try observation.run(stage, progress: observer)
    for (index, input) in inputs.enumerated() {
      let errors = zip(choices[index], collector.leftovers[index]).map { $0.error(leaving: $1) }
      guard let least = errors.indices.min(by: { errors[$0] < errors[$1] }), least > 0 else { continue }
      scaling.divide(input, by: choices[index][least].powers)
    }
    return scaling
  }

  /// One way to divide an input's channels, and what is known of its cost.
  private struct Choice {
    let powers: ChannelPowers
    /// The sum of the squares of the weights by then.
    var weightEnergy = 0.0
    /// The sum of the squares of the largest weight of each output by then.
    var weightPeaks = 0.0
    /// The mean square of a row by then.
    var rowEnergy = 0.0

    /// The expected squared error of a row's products, but for what all choices share: rounding is off by a twelfth of a squared
    /// step, which is the largest magnitude over 127, of a token's activations and of an output's weights.
    ///
    /// - Parameter rowPeaks: the mean square of a row's largest magnitude by then.
    /// - Returns: the error in these parts.
    func error(leaving rowPeaks: Double) -> Double { rowPeaks * weightEnergy + weightPeaks * rowEnergy }
  }

  /// The ways that are compared, the first of which changes nothing.
  private func ways(toDivide input: ScalableInput, _ ranges: ChannelRanges) throws(IngotError) -> [Choice] {
    guard ranges.peaks.allSatisfy(\.isFinite) else {
      throw CalibratedWeights.notFinite(input.shared(in: model.recognised.graph), of: model, on: text)
    }
    let takers = try input.takers.filter(weights.contains).map { (role) throws(IngotError) in
      try model.outputRows(of: role)
    }
    var columns = ChannelRanges(width: input.width)
    for rows in takers { try forEachRow(of: rows) { columns.add($0) } }
    let powers =
      [ChannelPowers(exponents: [Int](repeating: 0, count: input.width))]
      + Self.shares.map {
        ChannelPowers(
          smoothing: ranges.peaks, against: columns.peaks, share: $0, limit: Self.largestExponent)
      }
    var choices = powers.map { powers in
      var choice = Choice(powers: powers)
      for (channel, factor) in powers.factors.enumerated() {
        let square = Double(factor) * Double(factor)
        choice.weightEnergy += columns.squares[channel] * square
        choice.rowEnergy += ranges.squares[channel] / square / Double(max(1, ranges.rowCount))
      }
      return choice
    }
    let factors = powers.map(\.factors)
    for rows in takers {
      try forEachRow(of: rows) { row in
        for index in choices.indices {
          let peak = Double(ChannelRanges.peak(of: row, times: factors[index]))
          choices[index].weightPeaks += peak * peak
        }
      }
    }
    return choices
  }

  private func forEachRow(
    of rows: LazyPart, _ body: (UnsafeBufferPointer<Float>) -> Void
  ) throws(IngotError) {
    let width = rows.shape.dimensions.last ?? 0
    let bands = RowBands(width: width)
    func take(_ start: UnsafePointer<Float>, _ count: Int) {
      for row in 0..<count { body(UnsafeBufferPointer(start: start + row * width, count: width)) }
    }
    let files = SourceFiles(model.checkpoint.files, system: model.work.system)
    try TileEngine().forEachTile(of: try rows.open(files: files, scratchFolder: model.work.scratchFolder)) {
      (tile, _) throws(IngotError) in
      try bands.add(tile, take)
    }
    try bands.finish(take)
  }
}

extension ScalableInput {
  /// As calibration looks at it.
  fileprivate func shared(in graph: ModelGraph) -> SharedInputs {
    SharedInputs(
      roles: takers, width: width,
      nodes: graph.nodes.indices.filter { graph.nodes[$0].parameters.first == takers.first }, isTable: false)
  }
}

/// Takes the ranges of channels in a first run, and in a second what each choice leaves of a row's.
private final class RangeCollector: InputCollector {
  private(set) var ranges: [ChannelRanges] = []
  /// For each input the factors of its choices; none in the first run.
  var choices: [[[Float]]] = []
  private var sums: [[Double]] = []
  private var widths: [Int] = []

  /// For each input and choice the mean square of a row's largest magnitude.
  var leftovers: [[Double]] {
    zip(sums, ranges).map { sums, ranges in sums.map { $0 / Double(max(1, ranges.rowCount)) } }
  }

  func begin(_ inputs: [SharedInputs]) {
    widths = inputs.map(\.width)
    if choices.isEmpty {
      ranges = widths.map { ChannelRanges(width: $0) }
    } else {
      sums = choices.map { [Double](repeating: 0, count: $0.count) }
    }
  }

  func add(_ rows: UnsafePointer<Float>, rowCount: Int, at index: Int) {
    for number in 0..<rowCount {
      let row = UnsafeBufferPointer(start: rows + number * widths[index], count: widths[index])
      guard !choices.isEmpty else {
        ranges[index].add(row)
        continue
      }
      for (choice, factors) in choices[index].enumerated() {
        let peak = Double(ChannelRanges.peak(of: row, times: factors))
        sums[index][choice] += peak * peak
      }
    }
  }
}
