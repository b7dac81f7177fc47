// SPDX-License-Identifier: Apache-2.0
// What a comparison found of each tensor of one checkpoint, whatever names it used.
import IngotCore
import IngotDialects
import IngotGraph
import IngotModels

/// What differs of each tensor of a checkpoint.
public struct ReportChanges: Sendable {
  /// What differs, by the tensor's index; what is the same is not in it.
  public private(set) var byTensor: [Int: DiffReport.Change] = [:]
  /// Tensors that were not compared: the other side has none like them under any name, or they are no parameters.
  public private(set) var unmatched: Set<Int> = []

  /// Sorts a comparison's findings.
  ///
  /// - Parameters:
  ///   - difference: the comparison, in which the checkpoint is the second.
  ///   - inspection: the checkpoint.
  init(_ difference: DiffReport, of inspection: InspectionReport) {
    let tensors = inspection.checkpoint.tensors
    let names = Self.comparedNames(difference, inspection)
    let changes = Dictionary(difference.changed.map { (ExactName($0.name), $0) }) { first, _ in first }
    let lone = Set(difference.loneSecond.map { ExactName($0) })
    for index in tensors.indices {
      // A tensor may hold several parameters: the worst of them stands for it.
      let names = names(index)
      let found = names.compactMap { changes[$0] }
      byTensor[index] = found.max { Self.distance($0) < Self.distance($1) }
      if names.allSatisfy({ lone.contains($0) }) { unmatched.insert(index) }
    }
  }

  /// What the worst is found by: what has no number comes first.
  private static func distance(_ change: DiffReport.Change) -> Double {
    change.rmsRel.map { $0.isNaN ? .infinity : $0 } ?? .infinity
  }

  /// Under which names a tensor was compared: its own, or those of its parameters in another dialect.
  private static func comparedNames(
    _ difference: DiffReport, _ inspection: InspectionReport
  ) -> (Int) -> [ExactName] {
    let tensors = inspection.checkpoint.tensors
    guard let matching = difference.matching else { return { [ExactName(tensors[$0].name)] } }
    guard let model = inspection.model,
      let dialect = try? Dialect.required(matching.names, for: model, option: .dialect)
    else { return { _ in [] } }
    let roles = model.recognised.rolesByTensor
    return { index in
      (roles[index] ?? []).compactMap { role in
        dialect.name(of: role, prefix: dialect.writtenPrefix).map { ExactName($0) }
      }
    }
  }
}
