// SPDX-License-Identifier: Apache-2.0
// How other programs spell what config.json says: a table a program, read in both directions. What a program has built
// in is its dialect's to check (FixedValue). Page: formats/dialects.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// One program's spelling of a config.
package struct ConfigForm: Sendable {
  /// The type that a program gives its values.
  package enum NumberType: Sendable {
    case int32, int64, uint32
  }

  /// One line of the table.
  package typealias Row = (key: String, spelling: String)

  /// What ``keeping`` is in every container that has one.
  package static let keptKey = "ingot.config"

  /// The id of the dialect whose program it is.
  package let dialect: String
  /// Keys of config.json with their spellings here.
  package var rows: [Row]
  /// The type of counts.
  package let numberType: NumberType
  /// Values that the program has built in and that config.json has to say.
  package var builtIn: [(key: String, value: MetadataValue)]
  /// Values of keys that a config need not say, and that the program asks for.
  package var assumed: [(key: String, value: MetadataValue)] = []
  /// The key under which what has no spelling is kept as JSON, where the container takes any key.
  package var keeping: String?
  /// Keys that say something of the arithmetic and are kept so, since the program has none for them.
  package var kept: [String] = []
  /// Spellings of a key that have its value once more; another value there is that of another key.
  var echoes: [(key: String, spelling: String, other: String)] = []
  /// Keys that say something of the arithmetic and have no place in the program's config, which is told.
  var unsaid: [String] = []
  /// The program's keys by which a file without an architecture's name is known as its own.
  var signature: [String] = []
  /// Completes what is read by keys that are not one key of config.json each.
  var reading: @Sendable (_ own: Metadata, _ document: inout Metadata) -> Void = { _, _ in }
  /// Completes what is written by such keys.
  var writing: @Sendable (_ config: ModelConfig, _ own: inout Metadata) -> Void = { _, _ in }
  /// Such keys.
  var ownKeys: [String] = []
  /// How the program has a rotary embedding, where models have one.
  package var rotary: LlamaCppRotary?

  /// OpenAI's `hparams.json`.
  ///
  /// - SeeAlso: `openai/gpt-2: src/model.py`, `default_hparams`.
  package static let openAI = ConfigForm(
    dialect: "openai",
    rows: [
      ("vocab_size", "n_vocab"), ("n_positions", "n_ctx"), ("n_embd", "n_embd"), ("n_head", "n_head"),
      ("n_layer", "n_layer"),
    ],
    numberType: .int64, builtIn: [("activation_function", .string("gelu_new"))])

  /// The keys of llama.cpp's GGUF files.
  ///
  /// - SeeAlso: `ggml-org/ggml: docs/gguf.md`; `ggml-org/llama.cpp: conversion/gpt2.py`.
  package static let gguf = ConfigForm(
    dialect: "gguf",
    rows: [
      ("_name_or_path", "general.name"), ("n_positions", "gpt2.context_length"),
      ("n_embd", "gpt2.embedding_length"), ("n_inner", "gpt2.feed_forward_length"),
      ("n_layer", "gpt2.block_count"), ("n_head", "gpt2.attention.head_count"),
      ("layer_norm_epsilon", "gpt2.attention.layer_norm_epsilon"), ("vocab_size", "gpt2.vocab_size"),
    ],
    numberType: .uint32, builtIn: [("activation_function", .string("gelu_new"))], keeping: ConfigForm.keptKey)

  /// The keys of llama.cpp's GGUF files of BERT.
  ///
  /// - SeeAlso: `ggml-org/llama.cpp: conversion/bert.py`; `src/llama-model.cpp`, `LLM_ARCH_BERT`.
  package static let ggufBERT = ConfigForm(
    dialect: "gguf",
    rows: [
      ("_name_or_path", "general.name"), ("max_position_embeddings", "bert.context_length"),
      ("hidden_size", "bert.embedding_length"), ("intermediate_size", "bert.feed_forward_length"),
      ("num_hidden_layers", "bert.block_count"), ("num_attention_heads", "bert.attention.head_count"),
      ("layer_norm_eps", "bert.attention.layer_norm_epsilon"), ("is_decoder", "bert.attention.causal"),
      ("vocab_size", "bert.vocab_size"), ("type_vocab_size", "tokenizer.ggml.token_type_count"),
    ],
    numberType: .uint32, builtIn: [("hidden_act", .string("gelu"))],
    assumed: [("is_decoder", .bool(false))], keeping: ConfigForm.keptKey)

  /// The words of llm.c's header, as its reader names them.
  ///
  /// - SeeAlso: `karpathy/llm.c: train_gpt2.py`, `write_model`.
  package static let llmc = ConfigForm(
    dialect: "llmc",
    rows: [
      ("n_positions", "llmc.max_seq_len"), ("vocab_size", "llmc.vocab_size"), ("n_layer", "llmc.n_layer"),
      ("n_head", "llmc.n_head"), ("n_embd", "llmc.n_embd"),
    ],
    numberType: .int32, builtIn: [("activation_function", .string("gelu_new"))])

  /// nanoGPT's `model_args`.
  ///
  /// - SeeAlso: `karpathy/nanoGPT: model.py`, `GPTConfig`.
  package static let nanoGPT = ConfigForm(
    dialect: "nanogpt",
    rows: [
      ("n_layer", "n_layer"), ("n_head", "n_head"), ("n_embd", "n_embd"), ("n_positions", "block_size"),
      ("bias", "bias"), ("vocab_size", "vocab_size"), ("resid_pdrop", "dropout"),
    ],
    numberType: .int64, builtIn: [("activation_function", .string("gelu"))],
    assumed: [("bias", .bool(true)), ("resid_pdrop", .float64(0))])

  /// Google's `bert_config.json`, whose keys transformers took over.
  ///
  /// - SeeAlso: `google-research/bert: modeling.py`, `BertConfig`.
  package static let googleBERT = ConfigForm(
    dialect: "google",
    rows: [
      "attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size", "initializer_range",
      "intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers",
      "type_vocab_size", "vocab_size",
    ].map { ($0, $0) },
    numberType: .int64, builtIn: [])

  /// The forms of GPT-2's config that are not config.json's own.
  package static let all: [ConfigForm] = [openAI, gguf, llmc, nanoGPT]

  /// The document that config.json would be.
  ///
  /// - Parameters:
  ///   - own: keys as this program spells them.
  ///   - architecture: the architecture's id.
  /// - Returns: keys as transformers spells them; values are the reader's to check.
  package func document(from own: Metadata, architecture: String) -> Metadata {
    var document = Metadata()
    document["model_type"] = .string(architecture)
    for (key, spelling) in rows {
      if let value = own[spelling] { document[key] = Self.plain(value) }
    }
    for (key, value) in builtIn { document[key] = value }
    rotary?.read(own, into: &document)
    for (key, spelling, other) in echoes {
      if let value = own[spelling].map(Self.plain), value != document[key] { document[other] = value }
    }
    let said = Set(document.entries.map { ExactName($0.key) })
    document.set(
      (kept(in: own)?.entries ?? []).filter {
        !said.contains(ExactName($0.key)) || $0.key == RotaryRule.olderKey && rotary != nil
      })
    reading(own, &document)
    return document
  }

  /// What is kept as JSON; `nil` where nothing is, or what is no document.
  package func kept(in own: Metadata) -> Metadata? {
    keeping.flatMap { own.string($0) }.flatMap { try? JSONDocument.object(Array($0.utf8)) }
  }

  /// A value as JSON would have it: integers of 64 bits, and the shortest decimal for a float's bits.
  private static func plain(_ value: MetadataValue) -> MetadataValue {
    if let integer = value.integer { return .int64(Int64(integer)) }
    switch value {
    case .float32(let number): return .float64(Double("\(number)") ?? Double(number))
    // One number for each block, which are all the same here.
    case .array, .typedArray:
      guard let elements = value.elements, let first = elements.first, first.integer != nil,
        elements.allSatisfy({ $0 == first })
      else { return value }
      return plain(first)
    // Formats whose metadata are texts keep numbers as such.
    case .string(let text): return Int64(text).map { .int64($0) } ?? value
    default: return value
    }
  }

  /// This program's keys for a config.
  ///
  /// - Parameters:
  ///   - config: the numbers.
  ///   - architecture: its architecture.
  ///   - document: the config.json they come from, for what is no number of the model.
  /// - Returns: the keys, and those of the document that have no place among them.
  package func own(
    _ config: ModelConfig, of architecture: Architecture, document: Metadata
  ) -> (own: Metadata, rest: Metadata) {
    let complete = ConfigWriter.document(config, of: architecture, keeping: document)
    var own = Metadata()
    for (key, spelling) in rows {
      let stated = complete[key].flatMap { $0 == .null ? nil : $0 }
      let value = stated ?? resolved(key, config, architecture)
      if let value, value != .null, let typed = typed(value) { own[spelling] = typed }
    }
    for (key, spelling, _) in echoes {
      if let value = rows.first(where: { $0.key == key }).flatMap({ own[$0.spelling] }) {
        own[spelling] = value
      }
    }
    for entry in rotary?.keys(config) ?? [] { own[entry.key] = entry.value }
    writing(config, &own)
    // What the dialect has checked against its program.
    let checked = architecture.keys.filter(\.isOfBody)
    let keptEntries = keptEntries(complete, architecture, config)
    let said = Set(
      rows.map(\.key) + builtIn.map(\.key) + ["model_type"] + checked.flatMap(\.spellings)
        + keptEntries.map(\.key))
    let values = Dictionary(complete.entries.map { (ExactName($0.key), $0.value) }) { first, _ in first }
    let rest = Metadata(
      keptEntries
        + document.entries.filter { !said.contains($0.key) && $0.value != .null }.map {
          .init(key: $0.key, value: values[ExactName($0.key)] ?? $0.value)
        })
    if !unsaid.isEmpty {
      let lost = unsaid.compactMap { key in complete[key].map { Metadata.Entry(key: key, value: $0) } }
      return (own, Metadata(lost + rest.entries))
    }
    if let keeping, !rest.isEmpty { own[keeping] = .string(JSONWriter.text(rest)) }
    return (own, keeping == nil ? rest : Metadata())
  }

  /// What is kept of the arithmetic.
  private func keptEntries(
    _ complete: Metadata, _ architecture: Architecture, _ config: ModelConfig
  ) -> [Metadata.Entry] {
    guard keeping != nil else { return [] }
    var keys = kept
    if rotary?.keeps(config[.rotary].scaling) == true { keys.append(RotaryRule.olderKey) }
    var entries = keys.compactMap { key -> Metadata.Entry? in
      // Null is none, and not as if the key were missing.
      var meansNone = false
      if case .optionalCount? = architecture.keys.key(spelled: key)?.binding { meansNone = true }
      return complete[key].flatMap { $0 == .null && !meansNone ? nil : Metadata.Entry(key: key, value: $0) }
    }
    // The program's own name of the architecture may stand for several.
    if let rotary, rotary.prefix != architecture.id {
      entries.insert(.init(key: "model_type", value: .string(architecture.id)), at: 0)
    }
    return entries
  }

  /// The number that a formula gives, or what the program asks for all the same.
  private func resolved(
    _ key: String, _ config: ModelConfig, _ architecture: Architecture
  ) -> MetadataValue? {
    let binding = architecture.keys.key(spelled: key)?.binding
    return binding?.stated(in: config, isResolved: true) ?? assumed.first { $0.key == key }?.value
  }

  private func typed(_ value: MetadataValue) -> MetadataValue? {
    if let integer = value.integer {
      switch numberType {
      case .int32: return Int32(exactly: integer).map { .int32($0) }
      case .int64: return .int64(Int64(integer))
      case .uint32: return UInt32(exactly: integer).map { .uint32($0) }
      }
    }
    if case .float64(let number) = value, numberType == .uint32 { return .float32(Float(number)) }
    return value
  }
}
