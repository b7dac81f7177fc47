// SPDX-License-Identifier: Apache-2.0
// How one publisher names and lays out the parameters of an architecture: a table, read in both directions.
// Page: formats/dialects.md.
import IngotCore
import IngotGraph

/// What stands before the names of a file: what training code wrapped the model in, then the model's own prefix.
package struct NamePrefix: Hashable, Sendable {
  /// `module.`, `_orig_mod.`, `model.` or nothing: before every name.
  package let wrapper: String
  /// The publisher's own, such as `transformer.`: before all names but some.
  package let inner: String

  /// Makes a prefix.
  package init(wrapper: String = "", inner: String) {
    self.wrapper = wrapper
    self.inner = inner
  }

  /// Both.
  package var text: String { wrapper + inner }
}

/// What a file says of itself, and of whose names it has.
package struct FileMark: Hashable, Sendable {
  /// The key of its metadata.
  package let key: String
  /// The value; `nil` when the key alone says it.
  package let value: String?
  /// The id of the format whose files are written with it; `nil` when none is.
  package let format: String?

  /// Makes a mark.
  package init(_ key: String, _ value: String? = nil, writtenIn format: String? = nil) {
    self.key = key
    self.value = value
    self.format = format
  }

  /// Whether metadata have it.
  package func stands(in metadata: Metadata) -> Bool {
    value.map { metadata.string(key) == $0 } ?? (metadata[key] != nil)
  }
}

/// How a program has a tokenizer.
package enum TokenizerPlace: Hashable, Sendable {
  /// `tokenizer.json`, or `vocab.json` and `merges.txt`.
  case transformersFiles
  /// `encoder.json` and `vocab.bpe`.
  case openAIFiles
  /// Keys among the metadata of a GGUF file, and transformers' files beside others.
  case ggufKeys
}

/// The names of one publisher for one architecture.
package struct Dialect: Sendable {
  /// One line of the table.
  package typealias Parameter = (kind: TensorRole.Kind, pattern: NamePattern, layout: ParameterLayout)

  /// The id in options and reports: `hf`.
  package let id: String
  /// The architecture it names.
  package let architecture: String
  /// What tells it from another one of the same id, which is written in its place; `nil` for the one that is.
  package var variant: String?
  /// What training code may put before every name; none of it is written.
  package var wrappers: [String] = [""]
  /// Prefixes that all names but ``unprefixed`` may carry; one file uses one of them throughout, the first is written.
  package let prefixes: [String]
  /// The names and layouts, one a kind of role, in the order in which the publisher writes them.
  package let parameters: [Parameter]
  /// Kinds whose names never carry a prefix.
  package var unprefixed: Set<TensorRole.Kind> = []
  /// Ends of names that some files have in place of those of the table: `LayerNorm.gamma` for `LayerNorm.weight`.
  package var otherSpellings: [(end: String, tableEnd: String)] = []
  /// Kinds without a name here that the publisher's program does without, whatever model it is given.
  package var doesWithout: Set<TensorRole.Kind> = []
  /// What the publisher's program makes of a model with a head, by the heads' ids: a head that is not here it does not
  /// compute, and of one that becomes another it leaves out the parameters; `nil` where every head stays.
  package var heads: [String: String]?
  /// Names of buffers: constants that are stored, and that no computation here needs.
  package var buffers: [NamePattern] = []
  /// The name of a tensor of numbers that the frequencies of a rotary embedding are divided by, where the publisher has
  /// one; among ``buffers`` too, since the config says what it holds.
  package var rotaryDivisors: String?
  /// The names of two such tensors, for short and for long texts, where the publisher has these.
  package var rotaryFactors: (short: String, long: String)?
  /// Starts and ends of the names of what training leaves behind, with a `*`: `optimizer.*`.
  package var leftovers: [String] = []
  /// Likewise of what a file holds beside the model: parts for images and the like.
  package var otherParts: [String] = []
  /// Kinds that a model may lack altogether: they count as zeros.
  package var zeroWhenAbsent: Set<TensorRole.Kind> = []
  /// Whether a tied head is listed too.
  package var storesTiedHead = false
  /// Whether a tensor must be F32, whatever the others are, by its name in this dialect and its shape.
  package var staysFloat32: (@Sendable (_ name: String, _ shape: Shape) -> Bool)?
  /// Element types that the publisher's program computes with.
  package var computes: Set<DType> = [.f64, .f32, .f16, .bf16]
  /// The most values that share a scale where the publisher's program has all matrices as integers in runs, under the name
  /// of Q8_0; `nil` where it has none.
  package var largestRunSize: Int?
  /// What the publisher's program has built in, so that no other value of the config can be expressed.
  package var fixed: [FixedValue] = []
  /// What the publisher's program computes by a formula that comes near.
  package var approximated: [ApproximatedValue] = []
  /// What the publisher's program does not look at, though it changes the arithmetic.
  package var ignored: [IgnoredValue] = []
  /// What else the publisher's program can't express: the key, and why.
  package var refusal: @Sendable (ModelConfig) -> (key: String, why: Evidence)? = { _ in nil }
  /// Which rotary embeddings the publisher's program computes.
  package var rotary = RotarySupport.all
  /// The id of the format that belongs to the publisher's program: its files have these names.
  package var ownFormat: String?
  /// How the publisher's program wants the token embedding of a model that is cut for several processors; `nil` where it
  /// loads none that is cut.
  package var embeddingCut: (@Sendable (ModelConfig) -> EmbeddingCut)?
  /// Where the publisher's program looks for the config.
  package var config = ConfigPlace.configFile
  /// How the publisher's program has a tokenizer.
  package var tokenizer = TokenizerPlace.transformersFiles
  /// What files say of themselves.
  package var marks: [FileMark] = []
  /// What is written before every name, by the id of the format, where anything is.
  package var writtenWrappers: [String: String] = [:]

  /// All dialects.
  ///
  /// A new one is a table in a file of its own, and a line here.
  package static let all: [Dialect] = [
    huggingFaceGPT2, nanoGPT, mlxGPT2, openAIGPT2, llamaCppGPT2, llmcGPT2,
    huggingFaceGPT1, openAIGPT1, huggingFaceBERT, googleBERT, llamaCppBERT,
    huggingFaceLlama, llamaCppLlama, mlxLlama, metaLlama, llama2cLlama,
    huggingFaceMistral, llamaCppMistral, mlxMistral,
    ownMistral, huggingFaceQwen2, llamaCppQwen2, mlxQwen2, huggingFaceQwen3, llamaCppQwen3, mlxQwen3,
    huggingFaceSmolLM3, llamaCppSmolLM3, mlxSmolLM3, huggingFaceGemma, llamaCppGemma, mlxGemma,
    huggingFaceGemma2, llamaCppGemma2, mlxGemma2, huggingFaceGemma3, llamaCppGemma3, mlxGemma3,
    huggingFacePhi3, llamaCppPhi3, mlxPhi3, huggingFaceNeoX, llamaCppNeoX, mlxNeoX, huggingFaceOPT,
    huggingFaceMixtral, mergedMixtral, llamaCppMixtral, mlxMixtral, huggingFaceQwen2MoE, mergedQwen2MoE,
    llamaCppQwen2MoE, mlxQwen2MoE, huggingFaceQwen3MoE, mergedQwen3MoE, llamaCppQwen3MoE, mlxQwen3MoE,
    huggingFaceGPTOSS, llamaCppGPTOSS, mlxGPTOSS,
  ]

  /// The ids of all dialects, each once.
  package static let ids: [String] = all.reduce(into: []) { ids, dialect in
    if !ids.contains(dialect.id) { ids.append(dialect.id) }
  }

  /// The dialect of an id and architecture.
  package static func named(_ id: String, architecture: String) -> Dialect? {
    all.first { $0.id == id.lowercased() && $0.architecture == architecture }
  }

  /// Sets what files of a format say of themselves, in place of what those of other dialects say.
  package func mark(_ metadata: inout Metadata, in format: String) {
    for mark in Self.all.flatMap(\.marks) where mark.format != nil { metadata[mark.key] = nil }
    for mark in marks where mark.format == format { metadata[mark.key] = mark.value.map { .string($0) } }
  }

  /// The dialect of a format that belongs to one program.
  package static func implied(byFormat format: String) -> Dialect? { all.first { $0.ownFormat == format } }

  /// Values that share a scale where a model's matrices become integers in runs.
  ///
  /// - Parameter width: D, the model's width.
  /// - Returns: ``largestRunSize``, halved until it divides the width; `nil` where the publisher's program has none.
  package func runSize(width: Int) -> Int? {
    guard var size = largestRunSize else { return nil }
    while size > 1, !width.isMultiple(of: size) { size /= 2 }
    return size
  }

  /// The ids of the architectures that a program has under one name.
  static func sharing(_ containerArchitecture: String) -> Set<String> {
    Set(all.filter { $0.config.containerArchitecture == containerArchitecture }.map(\.architecture))
  }

  /// Every prefix that a file may use.
  package var allPrefixes: [NamePrefix] {
    wrappers.flatMap { wrapper in prefixes.map { NamePrefix(wrapper: wrapper, inner: $0) } }
  }

  /// The prefix of files that are written.
  package var writtenPrefix: NamePrefix { NamePrefix(inner: prefixes.first ?? "") }

  /// Kinds whose rows and columns are exchanged.
  package var transposedKinds: Set<TensorRole.Kind> {
    Set(parameters.filter(\.layout.isTransposed).map(\.kind))
  }

  /// How parameters of a kind are stored; `nil` for a kind that this dialect has no name for.
  package func layout(of kind: TensorRole.Kind) -> ParameterLayout? {
    parameters.first { $0.kind == kind }?.layout
  }

  /// The published name of a role.
  ///
  /// - Parameters:
  ///   - role: what the parameter is for.
  ///   - prefix: one of ``allPrefixes``.
  /// - Returns: the name; `nil` for a role that this dialect has no name for.
  package func name(of role: TensorRole, prefix: NamePrefix) -> String? {
    guard let entry = parameters.first(where: { $0.kind == role.kind }) else { return nil }
    let name = entry.pattern.name(block: role.block, expert: role.expert)
    return start(of: role.kind, prefix) + name
  }

  /// The role of a published name; `nil` for one that stands for none.
  ///
  /// A tensor that holds the parameters of all blocks, or of all experts of one, has a role without a block, or an expert.
  package func role(of name: String, prefix: NamePrefix) -> TensorRole? {
    let name = tableName(name)
    for entry in parameters {
      if let role = role(of: name, entry, prefix) { return role }
    }
    return nil
  }

  /// The roles of a published name, several of one that stands for more than one kind.
  package func roles(of name: String, prefix: NamePrefix) -> [TensorRole] {
    let name = tableName(name)
    return parameters.compactMap { role(of: name, $0, prefix) }
  }

  private func role(of name: String, _ entry: Parameter, _ prefix: NamePrefix) -> TensorRole? {
    guard entry.pattern.ends(name.utf8), let rest = name.utf8(behind: start(of: entry.kind, prefix)),
      let match = entry.pattern.match(rest)
    else { return nil }
    return TensorRole(entry.kind, block: match.block, expert: match.expert)
  }

  /// A name as the table spells it.
  private func tableName(_ name: String) -> String {
    for (end, tableEnd) in otherSpellings where name.utf8.count >= end.utf8.count && name.hasSuffix(end) {
      return name.dropLast(end.count) + tableEnd
    }
    return name
  }

  private func start(of kind: TensorRole.Kind, _ prefix: NamePrefix) -> String {
    unprefixed.contains(kind) ? prefix.wrapper : prefix.text
  }

  /// Whether a name is a buffer's.
  package func isBuffer(_ name: String, prefix: NamePrefix) -> Bool {
    guard let rest = name.utf8(behind: prefix.text) else { return false }
    return buffers.contains { $0.match(rest) != nil }
  }

  /// Whether a name is of something that training leaves behind.
  package func isLeftover(_ name: String) -> Bool { Self.matches(name, leftovers) }

  /// Whether a name is of another part than the model.
  package func isOfOtherPart(_ name: String) -> Bool { Self.matches(name, otherParts) }

  private static func matches(_ name: String, _ patterns: [String]) -> Bool {
    patterns.contains { pattern in
      if pattern.hasSuffix("*") { return name.hasPrefix(pattern.dropLast()) }
      if pattern.hasPrefix("*") { return name.hasSuffix(pattern.dropFirst()) }
      return name == pattern
    }
  }

  /// The roles of a model in the order in which the publisher writes them: what stands before the blocks, each block,
  /// and what stands behind; a stack of all blocks has no block, and one of all experts no expert.
  ///
  /// - Parameters:
  ///   - blockCount: L.
  ///   - expertCount: experts of a block.
  /// - Returns: the roles.
  package func roles(blockCount: Int, expertCount: Int = 0) -> [TensorRole] {
    let isBlocks = { (entry: Parameter) in entry.pattern.hasBlock }
    guard let first = parameters.firstIndex(where: isBlocks), let last = parameters.lastIndex(where: isBlocks)
    else { return parameters.map { TensorRole($0.kind) } }
    let inside = parameters[first...last]
    let ofExperts = inside.filter(\.pattern.hasExpert)
    let blocks = (0..<blockCount).flatMap { block in
      inside.flatMap { entry -> [TensorRole] in
        guard entry.pattern.hasExpert else { return [TensorRole(entry.kind, block: block)] }
        // The first of them stands for all, expert by expert.
        guard entry.kind == ofExperts.first?.kind else { return [] }
        return (0..<expertCount).flatMap { expert in
          ofExperts.map { TensorRole($0.kind, block: block, expert: expert) }
        }
      }
    }
    return parameters[..<first].map { TensorRole($0.kind) } + blocks
      + parameters[(last + 1)...].map { TensorRole($0.kind) }
  }
}

extension String {
  /// The bytes behind a prefix; `nil` when they start otherwise.
  fileprivate func utf8(behind prefix: String) -> Substring.UTF8View? {
    utf8.starts(with: prefix.utf8) ? utf8.dropFirst(prefix.utf8.count) : nil
  }
}
