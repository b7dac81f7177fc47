// SPDX-License-Identifier: Apache-2.0
// Which model a checkpoint is, in values that a program can use.
import IngotDialects
import IngotGraph
import IngotModels

/// Which model a checkpoint is.
public struct ModelSummary: Hashable, Sendable {
  /// What configs call its architecture: `gpt2`.
  public var architecture: String
  /// The id of the dialect that its tensors are named in: `hf`.
  public var dialect: String
  /// The id of its head: `language`.
  public var head: String
  /// How many numbers its parameters have.
  public var parameterCount: Int

  init(_ model: Model) {
    architecture = model.recognised.configuration.architecture.id
    dialect = model.recognised.dialect.id
    head = model.recognised.graph.config[.head]
    parameterCount = model.recognised.graph.parameterCount
  }
}

extension InspectionReport {
  /// The model, where it is one whose graph is known.
  public var modelSummary: ModelSummary? { model.map(ModelSummary.init) }
}

extension ValidationReport {
  /// The model; `nil` where it was not recognised, and values alone were checked.
  public var modelSummary: ModelSummary? { model.map(ModelSummary.init) }
}
