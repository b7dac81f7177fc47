// SPDX-License-Identifier: Apache-2.0
// A head that is stored beside a config which says that the head is the token embedding: whether both are the same, and
// which one is meant.
import IngotCore
import IngotDialects
import IngotGraph

/// What becomes of a head that is tied to the token embedding.
public enum HeadTie: String, Hashable, Sendable {
  /// As the model and the dialect have it; a model whose config and tensors disagree is refused.
  case asIs
  /// The token embedding is the head, whatever is stored; no copy is written.
  case tie
  /// The stored head is one of its own, whatever the config says; where none is stored, a copy is written.
  case untie
}

extension Model {
  /// Whether a stored head is the token embedding: another name of it, or of the same values.
  ///
  /// - Parameter index: the head's tensor.
  /// - Returns: whether it is.
  /// - Throws: read errors.
  package func isTokenEmbedding(_ index: Int) throws(IngotError) -> Bool {
    try isCopy(index, of: TensorRole(.tokenEmbedding))
  }

  /// Whether a tensor is another name of a parameter, or has its values.
  private func isCopy(_ index: Int, of role: TensorRole) throws(IngotError) -> Bool {
    guard let original = descriptor(role) else { return false }
    let copy = checkpoint.tensors[index]
    guard copy.aliasOf != original.name, original.aliasOf != copy.name else { return true }
    return try TensorPairReader((checkpoint, checkpoint), work: work)
      .areEqual(ComparedTensor(copy), ComparedTensor(original))
  }

  /// Parts of a head that are stored beside a config that ties it.
  package func tiedFindings() throws(IngotError) -> [Finding] {
    var findings: [Finding] = []
    let head = recognised.tiedCopy.map { [(index: $0, role: TensorRole(.tokenEmbedding))] } ?? []
    for (copy, role) in head + recognised.copies {
      let name = checkpoint.tensors[copy].name
      let original = recognised.name(of: role)
      findings.append(
        try isCopy(copy, of: role)
          ? Finding(
            .tiedCopy, severity: .note, subject: name,
            detail: "equals \(original), and the config says tied: a copy that nothing needs")
          : Finding(
            .tiedDiffers, severity: .error, subject: name,
            detail:
              "differs from \(original), and the config says tied: programs disagree on which is the head"
          ))
    }
    return findings
  }

  /// Throws where it is open which head is meant, or where ``HeadTie/tie`` would make another model.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) naming both tensors.
  func requireOneHead() throws(IngotError) {
    if head != .tie, let finding = try tiedFindings().first(where: { $0.severity == .error }) {
      throw .unsuitable(
        Location(path, tensor: finding.subject), why: finding.detail,
        hint: .remedy(.chooseHead))
    }
    guard head == .tie, let own = recognised.tensors[TensorRole(.head)], try !isTokenEmbedding(own) else {
      return
    }
    throw .unsuitable(
      Location(path, tensor: checkpoint.tensors[own].name),
      why:
        "differs from \(recognised.name(of: TensorRole(.tokenEmbedding))), and is a head of its own by the config: \(option: .tie) would change the model",
      hint: nil)
  }

  /// Why a stored head is left out of an output that has none.
  func droppedHead(_ index: Int) throws(IngotError) -> Evidence {
    try isTokenEmbedding(index)
      ? "a copy of the token embedding, which is the tied head"
      : "differs from the token embedding, which \(option: .tie) takes for the head"
  }

  /// Throws where a choice of heads has no effect: none of some models has one of its own, or a second one.
  ///
  /// - Parameters:
  ///   - head: which head is meant.
  ///   - models: the models that are computed with.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  package static func requireStoredHead(_ head: HeadTie, in models: [Model]) throws(IngotError) {
    let stored = models.filter { $0.recognised.tensors[TensorRole(.head)] != nil }
    switch head {
    case .asIs: return
    case .untie where stored.isEmpty:
      throw .invalidRequest(option: .untie, why: "no head of its own is stored")
    case .tie where stored.isEmpty && models.allSatisfy({ $0.recognised.tiedCopy == nil }):
      throw .invalidRequest(option: .tie, why: "no head is stored beside the token embedding")
    case .tie, .untie: return
    }
  }
}
