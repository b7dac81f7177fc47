// SPDX-License-Identifier: Apache-2.0
// A decoder's parameters as CTranslate2 has them: which variable each belongs to, several to one where it multiplies by them
// in one product, and what it is refused for because that program would compute something else. The numbers beside them are
// CTranslate2Attributes'. Page: formats/ctranslate2.md, "Models".
// - SeeAlso: `OpenNMT/CTranslate2: python/ctranslate2/converters/transformers.py`, `specs/transformer_spec.py`,
//   `src/layers/transformer.cc`.
import IngotCore
import IngotDialects
import IngotGraph

/// A model's parameters as CTranslate2 has them.
struct CTranslate2Layout {
  /// A variable, and what it is made of.
  struct Variable {
    /// Its name, below ``CTranslate2Layout/scope``.
    let name: String
    /// The parameters whose rows stand one behind the other in it.
    let roles: [TensorRole]
    /// Which rows of the only parameter it has, where it has not all.
    var rows: Range<Int>?
  }

  /// What stands before all names.
  static let scope = "decoder/"
  /// The variable of the token embedding.
  static let embedding = "embeddings/weight"
  /// The variable of the head.
  static let head = "projection/weight"

  /// Architectures that its converter takes, and whose arithmetic is known to be the same there.
  static let architectures: Set<String> = [
    "gpt2", "llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3_text", "phi3",
    "gpt_neox",
    "opt",
  ]

  /// The model.
  let model: Model
  /// All variables but that of a tied head.
  private(set) var variables: [Variable] = []
  private let config: ModelConfig

  /// Lays a model out.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model that CTranslate2 does not compute.
  init(_ model: Model) throws(IngotError) {
    self.model = model
    config = model.recognised.configuration.config
    try requireComputable()
    var taken = Set<TensorRole>()
    let roles = model.recognised.graph.parameters.map(\.role)
    let known = Set(roles)
    for role in roles where !taken.contains(role) {
      // A head that is to be tied is the token embedding from now on.
      if role.kind == .head, isTied { continue }
      guard let (name, kinds) = entry(for: role.kind) else {
        throw Self.unrepresentable(
          model.recognised.name(of: role), "CTranslate2 has no variable for this parameter")
      }
      let start = role.block.map { "layer_\($0)/" } ?? ""
      let members = kinds.map { TensorRole($0, block: role.block) }
      guard members.allSatisfy(known.contains) else {
        throw Self.unrepresentable(
          model.recognised.name(of: role), "it has one variable for this and parameters that are not there")
      }
      taken.formUnion(members)
      guard role.kind == .feedForwardGateUpWeight else {
        variables.append(Variable(name: start + name, roles: members, rows: rows(of: role)))
        continue
      }
      let width = config.feedForwardWidth
      variables.append(Variable(name: start + name, roles: members, rows: 0..<width))
      variables.append(
        Variable(name: start + Self.through + "/weight", roles: members, rows: width..<(2 * width)))
    }
  }

  /// The error of what CTranslate2 does not compute.
  static func unrepresentable(_ tensor: String?, _ why: Evidence, hint: Evidence? = nil) -> IngotError {
    .unrepresentable(tensor: tensor, target: "ctranslate2", why: why, hint: hint)
  }

  /// Whether the head is the token embedding.
  var isTied: Bool { config.tiesHead || model.head == .tie }

  /// Rows of the table of positions behind those that stand for none.
  private func rows(of role: TensorRole) -> Range<Int>? {
    guard role.kind == .positionEmbedding,
      let rows = model.recognised.graph.parameter(role)?.shape.dimensions[0],
      rows > config.contextLength
    else { return nil }
    return (rows - config.contextLength)..<rows
  }

  // MARK: - Names

  /// What lets the gated half of a feed-forward part through.
  private static let through = "ffn/linear_0_noact"

  /// Whether a gate stands before the feed-forward part.
  private var isGated: Bool {
    ![.gpt2, .neoX, .opt].map(\Architecture.id).contains(model.recognised.configuration.architecture.id)
  }

  /// The scopes of a block's norms: those of what goes in, and in some models of what comes out.
  private var norms: (attention: String, feedForward: String) {
    if config[.normalizesOutputs] { return ("input_layer_norm", "pre_feedforward_layer_norm") }
    let isParallel =
      model.recognised.configuration.architecture.id == Architecture.neoX.id && config[.isParallel]
    return isParallel
      ? ("input_layer_norm", "post_attention_layer_norm") : ("self_attention/layer_norm", "ffn/layer_norm")
  }

  /// The variable that a kind of parameter belongs to, and all kinds that do; `nil` for a kind that has none.
  private func entry(for kind: TensorRole.Kind) -> (name: String, kinds: [TensorRole.Kind])? {
    let (input, output) = ("self_attention/linear_0", "self_attention/linear_1")
    let (gate, up) = isGated ? ("ffn/linear_0", Self.through) : ("", "ffn/linear_0")
    switch kind {
    case .tokenEmbedding: return (Self.embedding, [kind])
    case .positionEmbedding: return ("position_encodings/encodings", [kind])
    case .embeddingProjection: return ("project_in/weight", [kind])
    case .finalProjection: return ("project_out/weight", [kind])
    case .head: return (Self.head, [kind])
    case .attentionInputWeight: return (input + "/weight", [kind])
    case .attentionInputBias: return (input + "/bias", [kind])
    case .queryWeight: return (input + "/weight", [.queryWeight, .keyWeight, .valueWeight])
    case .queryBias: return (input + "/bias", [.queryBias, .keyBias, .valueBias])
    case .attentionOutputWeight: return (output + "/weight", [kind])
    case .attentionOutputBias: return (output + "/bias", [kind])
    case .queryNormGain: return ("self_attention/q_norm/gamma", [kind])
    case .keyNormGain: return ("self_attention/k_norm/gamma", [kind])
    case .feedForwardGateWeight, .feedForwardGateUpWeight: return (gate + "/weight", [kind])
    case .feedForwardGateBias: return (gate + "/bias", [kind])
    case .feedForwardInputWeight: return (up + "/weight", [kind])
    case .feedForwardInputBias: return (up + "/bias", [kind])
    case .feedForwardOutputWeight: return ("ffn/linear_1/weight", [kind])
    case .feedForwardOutputBias: return ("ffn/linear_1/bias", [kind])
    case .attentionNormGain: return (norms.attention + "/gamma", [kind])
    case .attentionNormBias: return (norms.attention + "/beta", [kind])
    case .feedForwardNormGain: return (norms.feedForward + "/gamma", [kind])
    case .feedForwardNormBias: return (norms.feedForward + "/beta", [kind])
    case .attentionOutputNormGain: return ("post_attention_layer_norm/gamma", [kind])
    case .feedForwardOutputNormGain: return ("post_feedforward_layer_norm/gamma", [kind])
    case .finalNormGain: return ("layer_norm/gamma", [kind])
    case .finalNormBias: return ("layer_norm/beta", [kind])
    default: return nil
    }
  }

  /// The scopes of all norms that there are, below ``scope``.
  var normScopes: [String] {
    variables.map(\.name).filter { $0.hasSuffix("/gamma") }.map { String($0.dropLast("/gamma".count)) }
  }

  // MARK: - What is refused

  /// Throws for what CTranslate2 computes otherwise, or not at all.
  private func requireComputable() throws(IngotError) {
    let architecture = model.recognised.configuration.architecture
    guard Self.architectures.contains(architecture.id) else {
      throw Self.unrepresentable(
        nil, "no variables of it are known here for \(words: architecture.title)",
        hint: "\(verb: .quantize) without \(option: .program) makes int8 that ingot runs")
    }
    guard config[.head] == architecture.heads.first?.id else {
      throw Self.unrepresentable(
        nil, "a decoder of it gives the next token's scores, and this model has another head, or none")
    }
    guard CTranslate2Attributes.number(of: config.activation) != nil else {
      throw Self.unrepresentable(
        nil,
        "it has no activation \(words: config.activation.rawValue) (\(architecture.keyName(of: .activation)))"
      )
    }
    guard config[.attentionSoftcap] == 0 else {
      throw Self.unrepresentable(nil, "it has no bound for attention's scores (attn_logit_softcapping)")
    }
    guard !config.hasExperts(inBlock: 0), !config[.hasSinks] else {
      throw Self.unrepresentable(nil, "it has neither experts nor sinks")
    }
    try requireWindow()
    try requireRotary()
  }

  /// Throws for windows of some blocks: it cuts texts into pieces of one window for all.
  private func requireWindow() throws(IngotError) {
    let windows = Set(
      (0..<config.blockCount).map { config.window(ofBlock: $0).map { min($0, config.contextLength) } })
    guard windows.count <= 1 else {
      throw Self.unrepresentable(nil, "it has one window for all blocks, and this model one in some of them")
    }
  }

  /// The window that cuts texts shorter than the model has positions; `nil` where there is none.
  var window: Int? { config.window(ofBlock: 0).flatMap { $0 < config.contextLength ? $0 : nil } }

  /// Throws for positions that its rotary embedding does not compute.
  private func requireRotary() throws(IngotError) {
    guard usesRotary else { return }
    guard config.rotarySchedule(ofBlock: 0) != nil else {
      throw Self.unrepresentable(
        nil, "it gives positions of its own to a model whose first block turns nothing")
    }
    switch config[.rotary].scaling {
    case .none, .linear, .llama3: return
    case .dynamic, .yarn, .longrope, .divisors:
      throw Self.unrepresentable(
        nil,
        "it has no rotary embedding of the type \(words: config[.rotary].scaling.name), but linear and llama3"
      )
    }
  }

  /// Whether positions turn queries and keys, and are no table.
  var usesRotary: Bool { !variables(hold: .positionEmbedding) }

  private func variables(hold kind: TensorRole.Kind) -> Bool {
    model.recognised.graph.parameter(TensorRole(kind)) != nil
  }
}
