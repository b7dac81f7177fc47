// SPDX-License-Identifier: Apache-2.0
// The list of architectures. A new one is a file under Architectures/ and a line here.
import IngotCore

/// A family of models.
public struct Architecture: Sendable {
  /// The id that configs call it by (`model_type`).
  public let id: String
  /// The name for people.
  public let title: String
  /// Builds the graph of a model whose linear weights have a layout.
  public let build: @Sendable (ModelConfig, WeightLayout) -> ModelGraph

  /// All architectures.
  public static let all: [Architecture] = [
    Architecture(id: "gpt2", title: "GPT-2", build: gpt2)
  ]

  /// The architecture of an id.
  public static func named(_ id: String) -> Architecture? {
    all.first { $0.id == id }
  }
}
