// SPDX-License-Identifier: Apache-2.0
// What all verbs that run a model are told alike, and how they open it.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotModels

/// How a model is opened and run.
public struct RunOptions: Sendable {
  /// The arithmetic.
  public var precision: Precision
  /// The config's file; `nil` to look for it inside the checkpoint, then beside it.
  public var config: String?
  /// What is let pass that stops a run otherwise.
  public var allowances = Allowances()
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options with one arithmetic, and the defaults besides.
  public init(precision: Precision = .auto) { self.precision = precision }

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - other: another that it is compared with; the config is for it too where it has none of its own.
  /// - Returns: both.
  /// - Throws: the errors of opening models, and
  ///   ``IngotCore/IngotError/invalidRequest(option:why:)`` for a head that none of them stores.
  func open(_ path: String, and other: String? = nil) throws(IngotError) -> (Model, other: Model?) {
    let model = try Model(
      path, config: config, head: allowances.head, reading: reading, work: work, isOneOfTwo: other != nil)
    let second = try other.map { (path) throws(IngotError) in
      try Model(
        path, fallbackConfig: config, head: allowances.head, reading: reading, work: work, isOneOfTwo: true)
    }
    try Model.requireStoredHead(allowances.head, in: [model, second].compactMap(\.self))
    return (model, second)
  }

  /// Loads a model's weights.
  ///
  /// - Throws: as ``ModelRunner/init(_:precision:allowsNonFinite:)`` does.
  func runner(_ model: Model) throws(IngotError) -> ModelRunner {
    try ModelRunner(model, precision: precision, allowsNonFinite: allowances.nonFinite)
  }
}
