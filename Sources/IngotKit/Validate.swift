// SPDX-License-Identifier: Apache-2.0
// Validates a model: everything the headers tell, then everything the values tell.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels

/// What validating found.
public struct ValidationReport: Sendable {
  /// The path as given.
  public var path: String
  /// The model; `nil` where it was not recognised, and values alone were checked.
  package var model: Model?
  /// All findings, in a stable order.
  public var findings: [Finding]

  /// Whether there is no error among the findings.
  public var isValid: Bool { !findings.contains { $0.severity == .error } }
}

/// Options of ``Ingot/validate(_:options:progress:)``.
public struct ValidateOptions: Sendable {
  /// The config's file; `nil` to look for it inside the checkpoint, then beside it.
  public var config: String?
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes the default options.
  public init() {}
}

extension Ingot {
  /// Validates a model; where it can't be told what model it is, values that are NaN or infinite are found all the same.
  ///
  /// - Parameters:
  ///   - path: the checkpoint.
  ///   - options: where its config is, and how to read.
  ///   - progress: hears of bytes read.
  /// - Returns: all findings at once.
  /// - Throws: errors of files that can't be read at all, and those of opening a model that can't be told, unless a value
  ///   is not finite.
  public static func validate(
    _ path: String, options: ValidateOptions = ValidateOptions(), progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> ValidationReport {
    let stored = try CheckpointOpener(options: options.reading, work: options.work).open(path)
    try options.reading.requireUse(at: [path], by: [stored], work: options.work)
    let checkpoint = try stored.withWholeWeights(at: path, wantsValues: true, work: options.work)
    let model: Model
    do throws(IngotError) {
      model = try Model(checkpoint, path: path, config: options.config, work: options.work)
    } catch {
      let values = try valueFindings(checkpoint, of: error, work: options.work, progress: progress)
      return ValidationReport(path: path, model: nil, findings: checkpoint.findings + values)
    }
    let structural = model.recognised.structuralFindings(checkpoint.tensors).filter { finding in
      // What declares a scheme is no key that means nothing, where there are weights of one.
      finding.kind != .unknown || !ScaleTensors.configKeys.contains(finding.subject)
        || checkpoint.tensors.count == stored.tensors.count
    }
    var values = try model.nonFiniteFindings(progress: progress)
    values += try model.tiedFindings()
    return ValidationReport(
      path: path, model: model,
      findings: checkpoint.findings + structural + values + model.roleNotes() + model.packedNotes())
  }
}

/// What values alone tell of a checkpoint whose model can't be told.
///
/// - Returns: the findings, and one that says why there are no others.
/// - Throws: that error, where every value is finite, or where it is one of the system.
private func valueFindings(
  _ checkpoint: Checkpoint, of error: IngotError, work: WorkOptions, progress: (any ProgressObserver)?
) throws(IngotError) -> [Finding] {
  guard let reason = error.reason else { throw error }
  let values = try checkpoint.nonFiniteFindings(
    of: Array(checkpoint.tensors.indices), work: work, progress: progress)
  guard !values.isEmpty else { throw error }
  return values + [
    Finding(
      .unknownModel, severity: .note, subject: "model",
      detail: "is not known, values alone were checked: \(reason)")
  ]
}

extension Model {
  /// What no model is run of before it is made numbers.
  fileprivate func packedNotes() -> [Finding] {
    let packed = checkpoint.tensors.filter { $0.packing != nil }
    guard let first = packed.first else { return [] }
    let others: Evidence = packed.count == 1 ? "is" : "and \(packed.count - 1) more are"
    return [
      Finding(
        .shownAs, severity: .note, subject: first.name,
        detail:
          "\(others) \(words: first.typeName), checked as the numbers that they stand for; \(verb: .convert, .dtype, "F32") makes these, of which a model is run"
      )
    ]
  }

  /// What is stored and not used.
  fileprivate func roleNotes() -> [Finding] {
    let count = recognised.buffers.count
    guard count > 0, let first = recognised.buffers.first else { return [] }
    return [
      Finding(
        .unused, severity: .note, subject: checkpoint.tensors[first].name,
        detail: count == 1
          ? "is a mask buffer, which nothing needs"
          : "and \(count - 1) more are mask buffers, which nothing needs")
    ]
  }
}
