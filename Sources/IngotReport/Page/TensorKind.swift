// SPDX-License-Identifier: Apache-2.0
// What a tensor is for, as colours tell: by its role where the model is understood, else by words in its name.
import IngotGraph
import IngotKit

/// What colours stand for.
enum TensorKind: String, CaseIterable {
  case embedding, attention, feedForward, norm, other

  /// What it is called.
  var title: String {
    switch self {
    case .embedding: "embeddings and head"
    case .attention: "attention"
    case .feedForward: "feed-forward"
    case .norm: "norms"
    case .other: "other"
    }
  }

  /// Words of names, the telling ones first: an attention's norm is a norm.
  private static let words: [(TensorKind, [String])] = [
    (.norm, ["norm", "ln_", "ln1", "ln2", "layernorm"]),
    (.attention, ["attention", "attn", "q_proj", "k_proj", "v_proj", "o_proj", "qkv", "rotary"]),
    (
      .feedForward,
      ["feed_forward", "mlp", "ffn", "fc1", "fc2", "expert", "gate_proj", "up_proj", "down_proj", "router"]
    ),
    (.embedding, ["embed", "wte", "wpe", "head", "token", "output.weight"]),
  ]

  /// The kind of a name, or of a role.
  init(of name: String) {
    let lower = String(name.unicodeScalars.prefix(400).map(Character.init)).lowercased()
    self = Self.words.first { $0.1.contains { lower.contains($0) } }?.0 ?? .other
  }

  /// Kinds of a report's tensors, by index.
  static func kinds(_ report: ModelReport) -> (Int) -> TensorKind {
    let roles = report.inspection.model?.recognised.rolesByTensor ?? [:]
    return { index in
      TensorKind(of: roles[index]?.first?.description ?? report.tensors[index].descriptor.name)
    }
  }
}
