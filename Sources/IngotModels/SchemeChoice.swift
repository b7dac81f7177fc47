// SPDX-License-Identifier: Apache-2.0
// Which scheme each tensor of a model is to be quantized by: that of the last rule that names it, else the general one.
// A rule that has no effect is refused, and a tensor that can't have what a rule asks for is named.
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotQuantization

/// The schemes of a model's tensors.
struct SchemeChoice {
  /// A tensor with every name that it is shown by.
  private struct Candidate {
    var tensor: TensorDescriptor
    var names: [String]
    var isWeight: Bool

    var isQuantizedAlready: Bool { tensor.quantization != nil || tensor.blockType != nil }

    /// Why it keeps its type; `nil` when it can be quantized.
    var obstacle: Evidence? {
      if isQuantizedAlready { return "it is quantized already" }
      return isWeight ? nil : "positions, norms, biases and buffers are not quantized"
    }
  }

  private let options: QuantizationRequest
  private let candidates: [Candidate]
  private let indexes: [TensorRole: Int]
  /// Tensors that keep their type though another was asked for.
  private(set) var losses: [Loss] = []

  /// Holds the rules against a model.
  ///
  /// - Parameters:
  ///   - options: the general scheme and the rules.
  ///   - model: the model.
  ///   - target: the dialect that its tensors get the names of.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a rule without effect,
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for one whose tensors can't be quantized at all,
  ///   and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model without anything to quantize.
  init(_ options: QuantizationRequest, for model: Model, target: Dialect?) throws(IngotError) {
    self.options = options
    let recognised = model.recognised
    indexes = recognised.tensors
    var candidates = model.checkpoint.tensors.map { Candidate(tensor: $0, names: [$0.name], isWeight: false) }
    for parameter in recognised.graph.parameters {
      guard let index = recognised.tensors[parameter.role] else { continue }
      if parameter.isQuantizable { candidates[index].isWeight = true }
      if let target, let name = target.name(of: parameter.role, prefix: target.writtenPrefix) {
        candidates[index].names.append(name)
      }
    }
    self.candidates = candidates
    for index in options.rules.indices { try hold(index) }
    try requireWork(in: model)
  }

  /// The scheme of a parameter.
  func scheme(of role: TensorRole) -> QuantizationScheme {
    indexes[role].map { scheme(of: candidates[$0]) } ?? options.scheme
  }

  private func rule(of candidate: Candidate) -> Int? {
    options.rules.lastIndex { rule in candidate.names.contains { rule.pattern.matches($0) } }
  }

  private func scheme(of candidate: Candidate) -> QuantizationScheme {
    rule(of: candidate).map { options.rules[$0].scheme } ?? options.scheme
  }

  /// Holds one rule against the tensors that it names.
  private mutating func hold(_ index: Int) throws(IngotError) {
    let (pattern, scheme) = options.rules[index]
    let matches = candidates.filter { candidate in candidate.names.contains { pattern.matches($0) } }
    guard !matches.isEmpty else {
      throw .invalidRequest(
        option: .rules, why: pattern.noMatch(of: "tensor", among: candidates.flatMap(\.names)))
    }
    let own = matches.filter { rule(of: $0) == index }
    guard let first = own.first else {
      throw .invalidRequest(
        option: .rules, why: "\(pattern.pattern) matches only tensors that a later rule names, which holds")
    }
    guard scheme != .keep else { return }
    if own.allSatisfy({ $0.obstacle != nil }), let obstacle = first.obstacle {
      throw .unrepresentable(
        tensor: first.tensor.name, target: scheme.rawValue, why: obstacle,
        hint: "\(option: .rules) names linear weights and the token embedding")
    }
    for candidate in own { note(candidate, scheme) }
  }

  private mutating func note(_ candidate: Candidate, _ scheme: QuantizationScheme) {
    guard let obstacle = candidate.obstacle else { return }
    losses.append(
      Loss(
        .kept, tensor: candidate.tensor.name,
        detail: "stays \(words: candidate.tensor.typeName), not \(words: scheme.rawValue): \(obstacle)"))
  }

  /// Throws for a model of which nothing would be quantized, and names the weights that are already.
  private mutating func requireWork(in model: Model) throws(IngotError) {
    let wanted = candidates.filter { $0.isWeight && scheme(of: $0) != .keep }
    let already = wanted.filter(\.isQuantizedAlready)
    guard let first = wanted.first else {
      throw .invalidRequest(
        option: .scheme, why: "no weight would be quantized; \(verb: .convert) writes a model as it is")
    }
    guard already.count < wanted.count else {
      throw .unsuitable(
        Location(model.path, tensor: first.tensor.name),
        why: "is \(words: first.tensor.typeName) already, as all weights are",
        hint: "quantize the model that it was made from")
    }
    for candidate in already where rule(of: candidate) == nil { note(candidate, options.scheme) }
  }
}
