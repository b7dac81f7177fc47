// SPDX-License-Identifier: Apache-2.0
// Which scheme each tensor is to be quantized by: that of the last rule that names it, else the general one. A rule that
// has no effect is refused, and a tensor that can't have what a rule asks for is named. What is a weight at all is told by
// a model, or where none is known by types, shapes and names.
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotQuantization

/// The schemes of a checkpoint's tensors.
struct SchemeChoice {
  /// A tensor with every name that it is shown by.
  private struct Candidate {
    var tensor: TensorDescriptor
    var names: [String]
    /// Why it is no weight that is quantized; `nil` for one that is.
    var reason: QuantizationObstacle?
    /// Whether only what a scheme fits is quantized by it.
    var isFitted = false

    var isWeight: Bool { reason == nil }
    var isQuantizedAlready: Bool { tensor.quantization != nil || tensor.blockType != nil }

    /// Why it keeps its type; `nil` when it can be quantized.
    func obstacle(_ scheme: QuantizationScheme) -> QuantizationObstacle? {
      if isQuantizedAlready { return QuantizationObstacle("it is quantized already") }
      return reason ?? (isFitted ? MatrixQuantization.misfit(scheme, tensor.shape) : nil)
    }
  }

  private let options: QuantizationRequest
  private var candidates: [Candidate]
  private let indexes: [TensorRole: Int]
  /// What a rule may name, for hints.
  private let nameable: Evidence
  /// Tensors that keep their type though another was asked for.
  private(set) var losses: [Loss] = []
  /// Schemes of tensors that no rule names, chosen by what each costs, by index; the general one has none of the others.
  var chosen: [Int: QuantizationScheme] = [:]

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
    nameable = "linear weights and the token embedding"
    let recognised = model.recognised
    indexes = recognised.tensors
    let reason = QuantizationObstacle("positions, norms, biases and buffers are not quantized")
    var candidates = model.checkpoint.tensors.map {
      Candidate(tensor: $0, names: [$0.name], reason: reason)
    }
    for parameter in recognised.graph.parameters {
      guard let index = recognised.tensors[parameter.role] else { continue }
      if parameter.isQuantizable { candidates[index].reason = nil }
      if let target, let name = target.name(of: parameter.role, prefix: target.writtenPrefix) {
        candidates[index].names.append(name)
      }
    }
    self.candidates = candidates
    for index in options.rules.indices { try hold(index) }
    try requireWork(at: model.path)
  }

  /// Holds the rules against a checkpoint of which no model is known.
  ///
  /// - Parameters:
  ///   - options: the general scheme and the rules; one that names nothing but matrices which are left out otherwise
  ///     means these.
  ///   - checkpoint: the checkpoint.
  ///   - path: where it is, for errors.
  /// - Throws: as for a model.
  init(_ options: QuantizationRequest, for checkpoint: Checkpoint, at path: String) throws(IngotError) {
    self.options = options
    nameable = "matrices [out, in] of floating-point numbers"
    indexes = [:]
    candidates = checkpoint.tensors.map {
      Candidate(
        tensor: $0, names: [$0.name], reason: MatrixQuantization.obstacle($0), isFitted: true)
    }
    for index in options.rules.indices { try hold(index) }
    try requireMatrix(at: path)
    try requireWork(at: path)
    let noted = Set(losses.compactMap { $0.tensor.map { ExactName($0) } })
    losses += leftOut(besides: noted)
  }

  /// The scheme of a parameter.
  func scheme(of role: TensorRole) -> QuantizationScheme {
    indexes[role].map { chosen[$0] ?? scheme(of: candidates[$0]) } ?? options.scheme
  }

  /// The scheme of the rule that names a tensor; `nil` where none does.
  func ruled(_ index: Int) -> QuantizationScheme? {
    rule(of: candidates[index]).map { options.rules[$0].scheme }
  }

  /// How the tensors are coded that are quantized, by index, as matrices `[out, in]`.
  var codings: [Int: WeightCoding] {
    var codings: [Int: WeightCoding] = [:]
    for (index, candidate) in candidates.enumerated() {
      let scheme = scheme(of: candidate)
      guard candidate.obstacle(scheme) == nil else { continue }
      codings[index] = scheme.coding(outputAxis: MatrixQuantization.outputAxis)
    }
    return codings
  }

  /// The parameters that each rule names which asks for a scheme, where no later one names them.
  var ruledRoles: [[TensorRole]] {
    options.rules.indices.filter { options.rules[$0].scheme != .keep }.map { index in
      indexes.filter { rule(of: candidates[$0.value]) == index }.sorted { $0.value < $1.value }.map(\.key)
    }
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
    guard !own.isEmpty else {
      throw .invalidRequest(
        option: .rules, why: "\(pattern.pattern) matches only tensors that a later rule names, which holds")
    }
    guard scheme != .keep else { return }
    try requireEffect(of: index)
    for candidate in candidates where rule(of: candidate) == index { note(candidate, scheme) }
  }

  /// Throws where nothing that a rule names can be quantized by its scheme; what is only not quantized otherwise is, where it
  /// names nothing else.
  private mutating func requireEffect(of index: Int) throws(IngotError) {
    let scheme = options.rules[index].scheme
    let own = candidates.indices.filter { rule(of: candidates[$0]) == index }
    guard own.allSatisfy({ candidates[$0].obstacle(scheme) != nil }) else { return }
    for position in own where candidates[position].reason?.isFixed == false {
      candidates[position].reason = nil
    }
    guard let first = own.first, let obstacle = candidates[first].obstacle(scheme),
      own.allSatisfy({ candidates[$0].obstacle(scheme) != nil })
    else { return }
    throw .unrepresentable(
      tensor: candidates[first].tensor.name, target: scheme.rawValue, why: obstacle.why,
      hint: "\(option: .rules) names \(nameable)")
  }

  private mutating func note(_ candidate: Candidate, _ scheme: QuantizationScheme) {
    guard let obstacle = candidate.obstacle(scheme) else { return }
    losses.append(
      Loss(
        .kept, tensor: candidate.tensor.name,
        detail: "stays \(words: candidate.tensor.typeName), not \(words: scheme.rawValue): \(obstacle.why)"))
  }

  /// Throws for a checkpoint without a matrix that any scheme is for, and says why the largest tensor is none.
  private func requireMatrix(at path: String) throws(IngotError) {
    guard !candidates.contains(where: \.isWeight) else { return }
    guard let largest = candidates.max(by: { $0.tensor.byteCount < $1.tensor.byteCount }),
      let reason = largest.reason
    else { throw .unsuitable(Location(path), why: "has no tensors", hint: nil) }
    throw .unsuitable(
      Location(path),
      why:
        "has no matrix that is quantized; the largest tensor, \(largest.tensor.name), stays: \(reason.why)",
      hint: reason.isFixed
        ? nil : "\(option: .rules, "GLOB=SCHEME") that names only such matrices quantizes them")
  }

  /// Throws for a model of which nothing would be quantized, and names the weights that are already.
  private mutating func requireWork(at path: String) throws(IngotError) {
    let wanted = candidates.filter { $0.isWeight && scheme(of: $0) != .keep }
    let already = wanted.filter(\.isQuantizedAlready)
    guard let first = wanted.first else {
      throw .invalidRequest(
        option: .scheme, why: "no weight would be quantized; \(verb: .convert) writes a model as it is")
    }
    guard wanted.contains(where: { $0.obstacle(scheme(of: $0)) == nil }) else {
      if already.isEmpty, let obstacle = first.obstacle(scheme(of: first)) {
        throw .unrepresentable(
          tensor: first.tensor.name, target: scheme(of: first).rawValue, why: obstacle.why,
          hint: "\(option: .scheme) names others")
      }
      let tensor = already.first?.tensor ?? first.tensor
      throw .unsuitable(
        Location(path, tensor: tensor.name),
        why: "is \(words: tensor.typeName) already, as all weights are",
        hint: "quantize the model that it was made from")
    }
    for candidate in already where rule(of: candidate) == nil { note(candidate, options.scheme) }
  }

  /// What stays as it is though nobody asked for that: matrices first, then what has more dimensions.
  private func leftOut(besides noted: Set<ExactName>) -> [Loss] {
    let left = candidates.filter { scheme(of: $0) != .keep && !noted.contains(ExactName($0.tensor.name)) }
    let ranks: [(Int) -> Bool] = [{ $0 == 2 }, { $0 > 2 }, { $0 < 2 }]
    return ranks.flatMap { isOfRank in
      left.filter { isOfRank($0.tensor.shape.rank) }.compactMap { candidate in
        candidate.obstacle(scheme(of: candidate)).map {
          Loss(.kept, tensor: candidate.tensor.name, detail: "stays as it is: \($0.why)")
        }
      }
    }
  }
}
