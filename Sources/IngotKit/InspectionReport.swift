// SPDX-License-Identifier: Apache-2.0
// What a look into a checkpoint finds: what it is, its tensors, and what was computed of them.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels
import IngotModels
import IngotOutput

/// What a look into a checkpoint found.
public struct InspectionReport: Sendable {
  /// One tensor with what was computed of it.
  public struct Tensor: Sendable {
    /// What the header says.
    public var descriptor: TensorDescriptor
    /// SHA-256 of its canonical bytes, when asked for.
    public var sha256: String?
    /// Statistics of its values, when asked for and its dtype is a real number's.
    public var statistics: ElementStatistics?
    /// How its finite values spread over their range, when asked for; `nil` without such.
    public var histogram: UniformHistogram?
  }

  /// Tensors with what was computed of them, made when they are looked at: there may be millions.
  public struct Listing: RandomAccessCollection, Sendable {
    /// What the headers say.
    let descriptors: [TensorDescriptor]
    /// What was computed, of each or of none.
    private(set) var results: [TensorScan.Result] = []

    /// Lists tensors of which nothing was computed.
    init(_ descriptors: [TensorDescriptor]) { self.descriptors = descriptors }

    /// The same with what was computed of each.
    func with(_ results: [TensorScan.Result]) -> Listing {
      var listing = self
      listing.results = results
      return listing
    }

    /// Those at some positions, in that order.
    func picked(_ positions: [Int]) -> Listing {
      var listing = Listing(positions.map { descriptors[$0] })
      if !results.isEmpty { listing.results = positions.map { results[$0] } }
      return listing
    }

    /// The first position.
    public var startIndex: Int { 0 }
    /// The position behind the last tensor.
    public var endIndex: Int { descriptors.count }

    /// One tensor.
    public subscript(position: Int) -> Tensor {
      let result = results.isEmpty ? TensorScan.Result() : results[position]
      return Tensor(
        descriptor: descriptors[position], sha256: result.sha256, statistics: result.statistics,
        histogram: result.histogram)
    }
  }

  /// The path as given.
  public var path: String
  /// The checkpoint, tensors included that are not listed.
  public var checkpoint: Checkpoint
  /// The model that it is, when there is a config beside it and its names are known.
  package var model: Model?
  /// Why it is none that is known.
  package private(set) var modelError: IngotError?
  /// What the config says, where there is one.
  public internal(set) var config: ConfigSummary?
  /// What the checkpoint holds beside plain weights.
  public internal(set) var contents: [ContentKind] = []
  /// The small files that go with the weights, inside the checkpoint or beside it.
  public internal(set) var companions: [CompanionSummary] = []
  /// Names of other weight files in the same folder.
  public internal(set) var otherWeights: [String] = []
  /// The tensors that were asked for.
  public private(set) var selected: Listing
  /// The tensors that are listed: those that were asked for, or of them those with values that are not finite.
  public internal(set) var tensors: Listing
  /// The tensors of which it can't be told whether their values are finite, when that was asked for.
  public internal(set) var unjudgedCount = 0
  /// Remarks on the checkpoint, and on a config that says otherwise than its tensors.
  public var findings: [Finding] { checkpoint.findings + (model?.conflictFindings ?? []) }

  /// What headers alone say.
  package init(
    _ checkpoint: Checkpoint, path: String, selection: TensorSelection = TensorSelection(),
    work: WorkOptions = WorkOptions()
  ) {
    var checkpoint = checkpoint
    (model, modelError) = readModel(of: &checkpoint, at: path, work)
    self.path = path
    self.checkpoint = checkpoint
    let isWhole = checkpoint.tensors.allSatisfy { selection.takes($0.name) }
    selected = Listing(
      isWhole ? checkpoint.tensors : checkpoint.tensors.filter { selection.takes($0.name) })
    tensors = selected
    config = ConfigSummary(of: checkpoint, at: path, isUnderstood: model != nil, work)
    contents = ContentKind.all(in: checkpoint, at: path, work)
    (companions, otherWeights) = CompanionSummary.all(of: checkpoint, at: path, work)
  }

  /// Puts the tensors in another order.
  mutating func sort(_ order: ListingOrder) {
    let descriptors = selected.descriptors
    let positions =
      switch order {
      case .stored: Array(descriptors.indices)
      case .name:
        descriptors.indices.sorted {
          descriptors[$0].name.utf8.lexicographicallyPrecedes(descriptors[$1].name.utf8)
        }
      case .size:
        // Equal ones stay in their order.
        descriptors.indices.sorted {
          (descriptors[$1].byteCount, $0) < (descriptors[$0].byteCount, $1)
        }
      }
    selected = selected.picked(positions)
    tensors = selected
  }
}

extension Model {
  /// A note when the headers of the weights are not those of the config's model.
  fileprivate var conflictFindings: [Finding] {
    let errors = recognised.structuralFindings(checkpoint.tensors).filter {
      [.missing, .unexpected, .wrongShape, .configConflict, .graph].contains($0.kind) && $0.severity == .error
    }
    guard let first = errors.first else { return [] }
    let more: Evidence = errors.count > 1 ? "; \(remedy: .validate(more: errors.count - 1))" : ""
    return [
      Finding(
        .configConflict, severity: .note, subject: FilePath.name(of: recognised.configuration.path),
        detail: "and the weights disagree: \(first.subject) \(first.detail)\(more)")
    ]
  }
}

/// The model that a checkpoint is; `nil` and the reason, with a remark where its config can't be read, when it is none that is
/// known.
private func readModel(
  of checkpoint: inout Checkpoint, at path: String, _ work: WorkOptions
) -> (Model?, IngotError?) {
  do throws(IngotError) {
    return (try Model(checkpoint, path: path, config: nil, work: work), nil)
  } catch {
    if case .malformed(_, let location, let found, let expected) = error, error.isUnreadableConfig {
      checkpoint.findings.append(
        Finding(
          .unreadableConfig, severity: .note, subject: FilePath.name(of: location.file),
          detail: "can't be read: byte \(location.offset ?? 0): \(found), expected \(expected)"))
    } else if case .unsuitable(let location, let why, _)? = Model.standInForConfig(
      of: checkpoint, at: path, work.system)
    {
      checkpoint.findings.append(
        Finding(
          .unreadableConfig, severity: .note, subject: FilePath.name(of: location.file), detail: why))
    }
    return (nil, error)
  }
}
