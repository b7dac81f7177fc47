// SPDX-License-Identifier: Apache-2.0
// The names of the small files that travel with weights.
import IngotCore

/// The names of companions.
public enum CompanionName {
  /// Known names, in the order in which companions are listed.
  public static let all: [(name: String, kind: Companion.Kind)] = [
    ("config.json", .config), ("hparams.json", .config), ("generation_config.json", .generationConfig),
    ("tokenizer.json", .tokenizer), ("tokenizer_config.json", .tokenizer),
    ("special_tokens_map.json", .tokenizer),
    ("added_tokens.json", .tokenizer), ("vocab.json", .tokenizer), ("merges.txt", .tokenizer),
    ("encoder.json", .tokenizer), ("vocab.bpe", .tokenizer), ("vocab.txt", .tokenizer),
  ]
}
