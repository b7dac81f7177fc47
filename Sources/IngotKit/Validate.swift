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
  /// The model, when it was recognised.
  package var model: Model
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
  /// Validates a model.
  ///
  /// - Parameters:
  ///   - path: the checkpoint.
  ///   - options: where its config is, and how to read.
  ///   - progress: hears of bytes read.
  /// - Returns: all findings at once.
  /// - Throws: errors of files that can't be read at all.
  public static func validate(
    _ path: String, options: ValidateOptions = ValidateOptions(), progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> ValidationReport {
    let model = try Model(path, config: options.config, reading: options.reading, work: options.work)
    let structural = model.recognised.structuralFindings(model.checkpoint.tensors)
    var values = try model.nonFiniteFindings(progress: progress)
    values += try model.tiedFindings()
    return ValidationReport(
      path: path, model: model, findings: model.checkpoint.findings + structural + values + model.roleNotes())
  }
}

extension Model {
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
