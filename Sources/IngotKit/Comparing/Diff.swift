// SPDX-License-Identifier: Apache-2.0
// Compares two checkpoints tensor by tensor: names, shapes, and how far the values are apart.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels

/// What differs between two checkpoints.
public struct DiffReport: Sendable {
  /// A tensor that both have and that is not the same.
  public struct Change: Sendable {
    /// Its name.
    public var name: String
    /// The names of its element types in the first and in the second.
    public var typeNames: (String, String)
    /// Its shapes.
    public var shapes: (Shape, Shape)
    /// The largest absolute difference; `nil` when shapes differ or values are no real numbers.
    public var maxAbs: Double?
    /// The root mean square of the differences over that of the first's values.
    public var rmsRel: Double?
    /// The signal-to-noise ratio of the second's values in decibels; infinite when no value differs.
    public var signalToNoise: Double?
    /// Elements that differ.
    public var differingCount: Int?
    /// The index of the first element that differs, a number a dimension.
    public var firstPlace: [Int]?
    /// The index of the first element with the largest difference.
    public var largestPlace: [Int]?
    /// The cast of the first that gives the second exactly, if one does.
    public var isCastTo: DType?
    /// The cast of the second that gives the first exactly, if one does and the other way round none does.
    public var isCastFrom: DType?
    /// Whether the difference is within the tolerance.
    public var isWithinTolerance: Bool
  }

  /// The first path.
  public var first: String
  /// The second path.
  public var second: String
  /// Names only in the first, in its order.
  public var onlyFirst: [String]
  /// Names only in the second, in its order.
  public var onlySecond: [String]
  /// Tensors that are not the same, in the first's order.
  public var changed: [Change]
  /// Tensors whose dtype, shape and bytes are the same.
  public var equalCount: Int
  /// Tensors of the first that are only there by their names: the second has each under the other name given.
  public var renamed: [Renaming] = []
  /// How names and layouts were matched, when parameters were compared by what they are for.
  public var matching: Matching?

  /// What each holds that is no tensor, and is not compared: findings of kind ``IngotCore/Finding/Kind/leftOut``.
  public var leftOut: (first: [Finding], second: [Finding]) = ([], [])

  /// A tensor that both have, of the same dtype, shape and bytes, under two names.
  public struct Renaming: Hashable, Sendable {
    /// Its name in the first.
    public var first: String
    /// Its name in the second.
    public var second: String
  }

  /// How parameters of two dialects were matched.
  public struct Matching: Sendable {
    /// The ids of the dialects.
    public var dialects: (String, String)
    /// The id of the dialect whose names the report has.
    public var names: String
    /// Matrices whose rows and columns were exchanged to compare them.
    public var transposedCount: Int
    /// Tensors that are no parameters and were not compared: buffers, copies of the head, state of a training.
    public var ignored: ([String], [String])
  }

  /// Whether both hold the same, within the tolerance.
  public var isEqual: Bool {
    onlyFirst.isEmpty && onlySecond.isEmpty && changed.allSatisfy(\.isWithinTolerance)
  }

  /// Names only in the first, without those that are equal under another name.
  package var loneFirst: [String] { Self.without(renamed.map(\.first), onlyFirst) }

  /// Names only in the second, without those that are equal under another name.
  package var loneSecond: [String] { Self.without(renamed.map(\.second), onlySecond) }

  private static func without(_ renamed: [String], _ names: [String]) -> [String] {
    guard !renamed.isEmpty else { return names }
    let renamed = Set(renamed.map { ExactName($0) })
    return names.filter { !renamed.contains(ExactName($0)) }
  }
}

/// Options of ``Ingot/diff(_:_:options:progress:)``.
public struct DiffOptions: Sendable {
  /// The largest absolute difference of a value that still counts as equal; `nil` for bytes that are the same.
  public var tolerance: Double?
  /// Which tensors to compare, by the names that are compared.
  public var selection = TensorSelection()
  /// How to read.
  public var reading = ReadOptions()
  /// Which of several weight files of the second to read; `nil` for the one that ``reading`` names for both.
  public var secondFileName: String?
  /// How the work is done.
  public var work = WorkOptions()
  /// The dialect in whose names parameters are reported; `keep` compares tensors by their stored names; `nil` does so
  /// unless both are models whose names differ.
  public var dialect: String?
  /// The config's file, for both; `nil` to look for one beside each.
  public var config: String?

  /// Makes options that want equal bytes.
  public init() {}
}

extension Ingot {
  /// Compares two checkpoints.
  ///
  /// - Parameters:
  ///   - first: a file, index or folder.
  ///   - second: another.
  ///   - options: how close is equal.
  ///   - progress: hears of bytes compared.
  /// - Returns: what differs.
  /// - Throws: the readers' errors.
  public static func diff(
    _ first: String, _ second: String, options: DiffOptions = DiffOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> DiffReport {
    let (a, b) = try open(first, second, options)
    if a.tensors.isEmpty, b.tensors.isEmpty {
      try a.requireTensors(at: first)
      try b.requireTensors(at: second)
    }
    var report: DiffReport
    if let models = try ModelPair(a, b, paths: (first, second), options: options) {
      report = try models.diff(options: options, progress: progress)
    } else {
      report = DiffReport(
        first: first, second: second, onlyFirst: [], onlySecond: [], changed: [], equalCount: 0)
      let (wholeA, wholeB) = try whole((a, b), (first, second), options)
      report = try TensorComparer((wholeA, wholeB), options: options).compare(
        wholeA.tensors.lazy.map { ComparedTensor($0) }, wholeB.tensors.lazy.map { ComparedTensor($0) },
        into: report, progress: progress)
    }
    report.leftOut = (
      a.findings.filter { $0.kind == .leftOut }, b.findings.filter { $0.kind == .leftOut }
    )
    return report
  }

  private static func open(
    _ first: String, _ second: String, _ options: DiffOptions
  ) throws(IngotError) -> (Checkpoint, Checkpoint) {
    var readings = (options.reading, options.reading)
    if let name = options.secondFileName { readings.1.fileName = name }
    readings.0.selection = options.selection
    readings.1.selection = options.selection
    let a = try CheckpointOpener(options: readings.0, work: options.work).open(first)
    let b = try CheckpointOpener(options: readings.1, work: options.work).open(second)
    guard options.secondFileName != nil else {
      try options.reading.requireUse(at: [first, second], by: [a, b], work: options.work)
      return (a, b)
    }
    try readings.0.requireUse(at: [first], by: [a], work: options.work)
    try readings.1.requireUse(at: [second], by: [b], work: options.work)
    return (a, b)
  }

  /// Both with quantized weights as one tensor each, where one of them has such, so that what they stand for is compared.
  private static func whole(
    _ checkpoints: (Checkpoint, Checkpoint), _ paths: (String, String), _ options: DiffOptions
  ) throws(IngotError) -> (Checkpoint, Checkpoint) {
    guard options.dialect?.lowercased() != "keep", !options.reading.isRaw else { return checkpoints }
    return (
      try checkpoints.0.withUnpackedWeights(at: paths.0, work: options.work),
      try checkpoints.1.withUnpackedWeights(at: paths.1, work: options.work)
    )
  }
}

/// Two models whose parameters are compared by what they are for.
private struct ModelPair {
  private let models: (Model, Model)
  private let names: Dialect

  /// Opens both as models; `nil` when tensors are to be compared by their stored names.
  init?(
    _ first: Checkpoint, _ second: Checkpoint, paths: (String, String), options: DiffOptions
  ) throws(IngotError) {
    guard options.dialect?.lowercased() != "keep" else { return nil }
    do throws(IngotError) {
      models = (
        try Model(first, path: paths.0, config: options.config, work: options.work),
        try Model(second, path: paths.1, config: options.config, work: options.work)
      )
    } catch {
      if options.dialect != nil || options.config != nil { throw error }
      return nil
    }
    let (a, b) = (models.0.recognised, models.1.recognised)
    let isVariant = a.dialect.variant != b.dialect.variant && a.dialect.architecture == b.dialect.architecture
    guard options.dialect != nil || a.dialect.id != b.dialect.id || a.prefix != b.prefix || isVariant else {
      return nil
    }
    names = try Dialect.required(options.dialect ?? "hf", for: models.0, option: .dialect)
  }

  func diff(options: DiffOptions, progress: (any ProgressObserver)?) throws(IngotError) -> DiffReport {
    let (a, b) = (models.0.recognised, models.1.recognised)
    let report = DiffReport(
      first: models.0.path, second: models.1.path, onlyFirst: [], onlySecond: [], changed: [], equalCount: 0,
      matching: DiffReport.Matching(
        dialects: (a.dialect.id, b.dialect.id), names: names.id,
        transposedCount: a.graph.parameters.count { parameter in
          let kind = parameter.role.kind
          return a.dialect.transposedKinds.contains(kind) != b.dialect.transposedKinds.contains(kind)
        },
        ignored: (try models.0.namesOfOthers, try models.1.namesOfOthers)))
    return try TensorComparer((models.0.checkpoint, models.1.checkpoint), options: options).compare(
      try operands(models.0), try operands(models.1), into: report, progress: progress)
  }

  private func operands(_ model: Model) throws(IngotError) -> [ComparedTensor] {
    let parameters = try DialectLayout(model, to: names, isOnlySeen: true).tensors().filter {
      $0.aliasOf == nil
    }
    // A head that is no copy is something that the other side has too, or lacks.
    return parameters.map { ComparedTensor($0.name, $0.view) }
      + (try model.otherHead).map {
        ComparedTensor(
          names.name(of: TensorRole(.head), prefix: names.writtenPrefix) ?? $0.name, ParameterView($0))
      }
  }
}

extension Model {
  /// A stored head that is not the token embedding, though the config says tied.
  fileprivate var otherHead: [TensorDescriptor] {
    get throws(IngotError) {
      guard let copy = recognised.tiedCopy, try !isTokenEmbedding(copy) else { return [] }
      return [checkpoint.tensors[copy]]
    }
  }

  /// Tensors that are no parameters.
  fileprivate var namesOfOthers: [String] {
    get throws(IngotError) {
      let copies = recognised.tiedCopy.map { [checkpoint.tensors[$0].name] } ?? []
      let others = (recognised.buffers + recognised.leftovers).map { checkpoint.tensors[$0].name }
      return others + (try otherHead.isEmpty ? copies : [])
    }
  }
}
