// SPDX-License-Identifier: Apache-2.0
// What files with tokens and merges alone leave open, by who made them: how text is changed and cut. Tables by the name that
// llama.cpp has for it (`tokenizer.ggml.pre`; src/llama-vocab.cpp) and by transformers' class. Page: formats/tokenizer.md.
import IngotCore

/// How a family of byte-level tokenizers changes and cuts text.
struct TokenizerFamily: Sendable {
  /// The normalizer, as tokenizer.json has it.
  var normalizer = MetadataValue.null
  /// Regular expressions that cut text one behind the other; none for GPT-2's.
  var patterns: [String] = []
  /// Whether GPT-2's pattern cuts what the others left.
  var endsWithGPT2 = true
  /// Whether a piece that is a token is taken whole.
  var takesWholePieces = false
  /// Whether a text begins with the token for that, where no file says.
  var addsBeginning = false
  /// The marks that the publisher's code knows by their texts, where no file says.
  var marks: [(TokenizerVocabulary.SpecialToken, String)] = [
    (.beginning, "<|endoftext|>"), (.end, "<|endoftext|>"),
  ]
  /// Whether a text stands between the marks for classes and for separating, as RoBERTa's does.
  var standsBetweenMarks = false

  /// The pre-tokenizer, as tokenizer.json has it.
  func preTokenizer(addsPrefixSpace: Bool = false) -> MetadataValue {
    let last = TokenizerAssembly.byteLevel(splits: endsWithGPT2, addsPrefixSpace: addsPrefixSpace)
    guard !patterns.isEmpty else { return last }
    return TokenizerAssembly.sequence("pretokenizers", patterns.map(TokenizerAssembly.split) + [last])
  }

  // MARK: - Patterns

  private static let words = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"#
  private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// Llama 3's, and nearly OpenAI's cl100k_base.
  static let llama3Pattern = words + #"|\p{N}{1,3}"# + rest
  /// Qwen2's.
  static let qwen2Pattern = words + #"|\p{N}"# + rest
  /// Mistral's Tekken.
  static let tekkenPattern =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
    + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// OpenAI's o200k_base.
  static let o200kPattern =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
    + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
    + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// DeepSeek-V3's, behind numbers and runs of Chinese and Japanese.
  private static let deepseekPattern =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
    + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// What OpenAI's cl100k_base differs in: possessive repetitions, which find the same.
  static let cl100kPattern =
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#

  private static let nfc = TokenizerAssembly.component("NFC")

  // MARK: - Families

  static let gpt2 = TokenizerFamily()
  static let roberta = TokenizerFamily(
    marks: [
      (.beginning, "<s>"), (.end, "</s>"), (.separator, "</s>"), (.classification, "<s>"),
      (.unknown, "<unk>"),
      (.padding, "<pad>"), (.mask, "<mask>"),
    ], standsBetweenMarks: true)
  static let digitsOneByOne = TokenizerFamily(patterns: [#"\p{N}"#])
  static let llama3 = TokenizerFamily(
    patterns: [llama3Pattern], endsWithGPT2: false, takesWholePieces: true, addsBeginning: true)
  static let qwen2 = TokenizerFamily(normalizer: nfc, patterns: [qwen2Pattern], endsWithGPT2: false)
  static let tekken = TokenizerFamily(
    patterns: [tekkenPattern], endsWithGPT2: false, takesWholePieces: true, addsBeginning: true)
  static let o200k = TokenizerFamily(patterns: [o200kPattern], endsWithGPT2: false)
  static let deepseekV3 = TokenizerFamily(
    patterns: [#"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+", deepseekPattern], endsWithGPT2: false)

  /// By `tokenizer.ggml.pre`.
  static let byGGUFName: [String: TokenizerFamily] = [
    "gpt-2": gpt2, "phi-2": gpt2, "mpt": gpt2, "jina-es": gpt2, "jina-de": gpt2, "jina-v2-es": gpt2,
    "jina-v2-de": gpt2, "modern-bert": gpt2, "exaone4": gpt2,
    "olmo": TokenizerFamily(normalizer: nfc),
    "smollm": digitsOneByOne, "starcoder": digitsOneByOne, "refact": digitsOneByOne,
    "command-r": TokenizerFamily(normalizer: nfc, patterns: [#"\p{N}"#]), "codeshell": digitsOneByOne,
    "llama3": llama3, "llama-v3": llama3, "llama-bpe": llama3, "falcon3": llama3,
    "dbrx": TokenizerFamily(patterns: [llama3Pattern], endsWithGPT2: false),
    "smaug-bpe": TokenizerFamily(patterns: [llama3Pattern], endsWithGPT2: false),
    "qwen2": qwen2, "deepseek-r1-qwen": qwen2,
    "stablelm2": TokenizerFamily(patterns: [qwen2Pattern], endsWithGPT2: false),
    "tekken": tekken, "gpt-4o": o200k, "llama4": o200k, "deepseek-v3": deepseekV3,
  ]

  /// By `tokenizer_class` of tokenizer_config.json, without `Fast`.
  static let byClass: [String: TokenizerFamily] = [
    "GPT2Tokenizer": gpt2, "CodeGenTokenizer": gpt2, "RobertaTokenizer": roberta,
    "BartTokenizer": roberta, "Qwen2Tokenizer": qwen2,
  ]

  // MARK: - Marks of others

  /// google-research/bert: tokenization.py, run_pretraining.py.
  static let marksOfBERT: [(TokenizerVocabulary.SpecialToken, String)] = [
    (.unknown, "[UNK]"), (.separator, "[SEP]"), (.padding, "[PAD]"), (.classification, "[CLS]"),
    (.mask, "[MASK]"),
  ]
  /// huggingface/transformers, models/openai/tokenization_openai.py.
  static let marksOfGPT1: [(TokenizerVocabulary.SpecialToken, String)] = [(.unknown, "<unk>")]
}
