// SPDX-License-Identifier: Apache-2.0
// Which of the ways of cutting text that llama.cpp has a name for (`tokenizer.ggml.pre`) is that of a tokenizer.json. Its
// converter goes by the ids of one text, so that one added token hides a way that is known; here components are compared.
// ggml-org/llama.cpp: src/llama-vocab.cpp. Page: formats/tokenizer.md.
import IngotCore

/// How a byte-level tokenizer changes and cuts text, as far as families differ in it.
struct TextCutting: Hashable {
  /// Unicode's composition before all else.
  var composes = false
  /// Regular expressions one behind the other.
  var patterns: [String] = []
  /// Whether GPT-2's pattern cuts what the others left.
  var endsWithGPT2 = true
  /// Whether a piece that is a token is taken whole.
  var takesWholePieces = false

  /// A family's.
  init(_ family: TokenizerFamily) {
    composes = family.normalizer != .null
    patterns = family.patterns
    endsWithGPT2 = family.endsWithGPT2
    takesWholePieces = family.takesWholePieces
  }

  /// That of tokenizer.json; `nil` for one that no family can have.
  init?(_ document: Metadata) {
    if case .object(let normalizer)? = document["normalizer"] {
      let parts = normalizer.components("normalizers")
      guard parts.allSatisfy({ $0.string("type") == "NFC" }) else { return nil }
      composes = !parts.isEmpty
    }
    guard case .object(let preTokenizer)? = document["pre_tokenizer"] else { return nil }
    var hasBytes = false
    for part in preTokenizer.components("pretokenizers") {
      guard !hasBytes else { return nil }
      switch part.string("type") {
      case "Split":
        guard case .object(let pattern)? = part["pattern"], let text = pattern.string("Regex"),
          part.string("behavior") == "Isolated", part["invert"] != .bool(true)
        else { return nil }
        patterns.append(text)
      case "Digits" where part["individual_digits"] == .bool(true): patterns.append(#"\p{N}"#)
      case "ByteLevel" where part["add_prefix_space"] != .bool(true):
        hasBytes = true
        endsWithGPT2 = part["use_regex"] != .bool(false)
      default: return nil
      }
    }
    guard hasBytes, case .object(let model)? = document["model"] else { return nil }
    takesWholePieces = model["ignore_merges"] == .bool(true)
  }

  /// GGUF's names, of several for one way the one that is written.
  private static let written = [
    "gpt-2", "olmo", "smollm", "command-r", "llama-bpe", "dbrx", "qwen2", "stablelm2", "tekken", "gpt-4o",
    "deepseek-v3",
  ]

  /// GGUF's name; `nil` for a way that it has none for.
  var ggufName: String? {
    Self.written.first { TokenizerFamily.byGGUFName[$0].map(TextCutting.init) == self }
  }
}
