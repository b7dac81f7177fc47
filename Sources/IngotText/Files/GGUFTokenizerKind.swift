// SPDX-License-Identifier: Apache-2.0
// What GGUF calls kinds of tokenizers, whatever model has them.
import IngotCore

/// A kind of tokenizer in GGUF.
enum GGUFTokenizerKind: String {
  /// A byte-level BPE.
  case bytePairs = "gpt2"
  /// WordPiece.
  case wordPieces = "bert"
  /// A BPE by SentencePiece's scores.
  case sentencePiece = "llama"
  /// No tokenizer.
  case none

  /// The key that says it.
  static let key = "tokenizer.ggml.model"
}
