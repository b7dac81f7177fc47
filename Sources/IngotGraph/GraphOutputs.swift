// SPDX-License-Identifier: Apache-2.0
// What a graph's logits say, read off its outputs.

extension ModelGraph {
  /// Whether each token's logits are scores of all tokens.
  package var predictsTokens: Bool {
    guard let logits = outputs.first(where: { $0.name == "logits" }) else { return false }
    return edges[logits.edge.index] == .activations(config.vocabularySize)
  }

  /// Whether each token's logits are scores of what may stand in its place, by all that is around it.
  package var fillsMasks: Bool { predictsTokens && !continuesText }

  /// Whether scores of tokens are products with the token embedding.
  package var usesTokenEmbeddingAsHead: Bool {
    nodes.contains { $0.operation.isProduct && $0.parameters.first == TensorRole(.tokenEmbedding) }
  }
}
