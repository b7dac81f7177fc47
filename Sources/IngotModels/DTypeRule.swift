// SPDX-License-Identifier: Apache-2.0
// Which dtype a tensor's numbers become: by rules of names, and one for all others.
import IngotCore
import IngotFormats

/// The dtype of tensors by name pattern.
public struct DTypeRule: Sendable {
  /// Names that it is for.
  public var pattern: Glob
  /// What floating-point tensors of these names become.
  public var dtype: DType

  /// Makes a rule.
  public init(_ pattern: Glob, _ dtype: DType) {
    (self.pattern, self.dtype) = (pattern, dtype)
  }
}

extension ChangeRequest {
  /// Whether numbers may become others.
  package var casts: Bool { dtype != nil || !dtypeRules.isEmpty }

  /// What a tensor's numbers become.
  ///
  /// - Parameter names: what it is called, in the input and in the output; the last rule that matches one of them holds.
  /// - Returns: the dtype; `nil` when they stay as they are.
  func dtype(of names: [String]) -> DType? {
    dtypeRules.last { rule in names.contains(where: rule.pattern.matches) }?.dtype ?? dtype
  }

  /// Throws for a rule that decides on no tensor.
  ///
  /// - Parameters:
  ///   - checkpoint: the input.
  ///   - others: other names of its tensors, by their positions.
  ///   - joined: those whose numbers are found with scales that stand in tensors of their own.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` naming the rule.
  package func requireUseOfRules(
    by checkpoint: Checkpoint, alsoKnownAs others: [Int: [String]], joined: Set<ExactName>
  ) throws(IngotError) {
    guard !dtypeRules.isEmpty else { return }
    let named = checkpoint.tensors.enumerated().map { (index, tensor) in
      (names: [tensor.name] + (others[index] ?? []), tensor)
    }.filter { selection.takes($0.names) }
    let tensors = named.map(\.names)
    for (index, rule) in dtypeRules.enumerated() {
      let matched = tensors.filter { $0.contains(where: rule.pattern.matches) }
      guard !matched.isEmpty else {
        throw .invalidRequest(
          option: .dtype, why: rule.pattern.noMatch(of: "tensor", among: tensors.joined()))
      }
      let later = dtypeRules[(index + 1)...].map(\.pattern)
      guard matched.contains(where: { names in !later.contains { names.contains(where: $0.matches) } }) else {
        throw .invalidRequest(
          option: .dtype,
          why: "\(rule.pattern.pattern) matches only tensors that a later rule names, which holds")
      }
      let reached = named.filter { $0.names.contains(where: rule.pattern.matches) }.map(\.1)
      guard reached.contains(where: { $0.hasRealNumbers || joined.contains(ExactName($0.name)) }) else {
        throw .invalidRequest(
          option: .dtype,
          why:
            "\(rule.pattern.pattern) matches only tensors without floating-point numbers, which stay as they are"
        )
      }
    }
  }
}

extension TensorDescriptor {
  /// Whether it holds floating-point numbers, or what stands for them, which a cast reaches; complex numbers are named.
  var hasRealNumbers: Bool { dtype.isFloating || isQuantized || dtype.family == .complex }
}
