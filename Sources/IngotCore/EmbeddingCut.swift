// SPDX-License-Identifier: Apache-2.0
// Along which dimension a program cuts the table of token embeddings for several processors.

/// How the table of token embeddings is cut for several processors.
public enum EmbeddingCut: String, CaseIterable, Hashable, Sendable {
  /// Each has some rows: the whole vectors of some tokens. Llama 3.
  case rows
  /// Each has some columns: a part of every token's vector. Llama 1 and 2.
  case columns
}
