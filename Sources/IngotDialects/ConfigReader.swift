// SPDX-License-Identifier: Apache-2.0
// Reads config.json and hparams.json: every key is honoured, refused, or reported. Page: formats/config.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// The rules of `formats/config.md`.
package enum ConfigRule: String, FormatRule {
  case json = "CF-01"
  case architecture = "CF-02"
  case type = "CF-03"
  case range = "CF-04"
  case alias = "CF-05"
  case heads = "CF-06"
  case activation = "CF-07"
  case refused = "CF-08"
}

/// A config that was read: the architecture, its numbers, and what was noticed.
package struct ModelConfiguration: Sendable {
  /// The architecture.
  package var architecture: Architecture
  /// Its numbers.
  package var config: ModelConfig
  /// Remarks on keys that mean nothing here.
  package var findings: [Finding]
  /// The file it comes from.
  package var path: String
  /// What config.json says, or would say.
  package var document: Metadata
  /// Keys of the file that belong to other parts than the language model.
  package var leftOut: [String]

  /// Makes a configuration.
  package init(
    architecture: Architecture, config: ModelConfig, findings: [Finding], path: String,
    document: Metadata = Metadata(), leftOut: [String] = []
  ) {
    self.leftOut = leftOut
    self.architecture = architecture
    self.config = config
    self.findings = findings
    self.path = path
    self.document = document
  }
}

/// Reads one config.
package struct ConfigReader {
  private let document: Metadata
  private let path: String
  private let leftOut: [String]

  /// Parses the document.
  ///
  /// - Parameters:
  ///   - bytes: JSON.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-01.
  package init(_ bytes: [UInt8], path: String) throws(IngotError) {
    let whole: Metadata
    do throws(JSONFailure) {
      whole = try JSONDocument.object(bytes)
    } catch {
      throw IngotError(error, rule: ConfigRule.json.rule, at: Location(path))
    }
    let composite = try CompositeConfig(whole, path: path)
    self.init(document: composite?.document ?? whole, path: path, leftOut: composite?.leftOut ?? [])
  }

  /// Takes a document that was put together from another program's keys.
  ///
  /// - Parameters:
  ///   - document: the keys.
  ///   - path: where they come from, for messages.
  ///   - leftOut: keys of the file that belong to other parts than the language model.
  package init(document: Metadata, path: String, leftOut: [String] = []) {
    self.document = document
    self.path = path
    self.leftOut = leftOut
  }

  /// The same, of a file that is one program's own and names no architecture: under transformers' keys, with what the shapes of
  /// the weights say.
  ///
  /// - Parameter shape: the shape of the tensor of a name; `nil` where there is none.
  /// - Returns: the reader, itself for any other file; and what is taken for a key that no file says.
  package func completed(
    by shape: (_ name: String) -> Shape?
  ) -> (reader: ConfigReader, note: Finding?) {
    guard document["model_type"] == nil else { return (self, nil) }
    let known = Dialect.all.compactMap { dialect in
      dialect.config.form.flatMap { $0.signature.isEmpty ? nil : (dialect, $0) }
    }
    let signed = known.filter { $0.1.signature.allSatisfy { document[$0] != nil } }
    guard let (dialect, form) = signed.max(by: { $0.1.signature.count < $1.1.signature.count }) else {
      return (self, nil)
    }
    var read = form.document(from: document, architecture: dialect.architecture)
    for (key, kind, block, dimension) in dialect.config.sizesOfTensors {
      let name = dialect.name(of: TensorRole(kind, block: block), prefix: dialect.writtenPrefix)
      guard let dimensions = name.flatMap(shape)?.dimensions, dimensions.indices.contains(dimension) else {
        continue
      }
      read[key] = .int64(Int64(dimensions[dimension]))
    }
    var note: Finding?
    if let (key, value) = dialect.config.assumes?(read) {
      read[key] = .int64(Int64(value))
      note = Finding(
        .assumedConfig, severity: .note, subject: key,
        detail: "is taken for \(value): no file of this publisher says it")
    }
    let spelled = Set(form.rows.map(\.spelling) + form.ownKeys)
    let others = document.entries.filter { !spelled.contains($0.key) && read[$0.key] == nil }
    return (ConfigReader(document: Metadata(read.entries + others), path: path), note)
  }

  /// Why no architecture is known of the model; `nil` where the config names a known one, or is broken where it names one.
  package var unknownArchitecture: Evidence? {
    switch document["model_type"] {
    case .string(let id)?:
      return Architecture.named(id) == nil ? "its config names the architecture \(id)" : nil
    case nil:
      let classes = document["architectures"]?.elements?.compactMap(\.text) ?? []
      let isKnown = Architecture.all.contains { architecture in
        architecture.isSigned(in: document)
          || classes.contains { architecture.head(ofClass: $0) != nil }
      }
      return isKnown ? nil : "its config names no architecture"
    default: return nil
    }
  }

  /// Whether nothing but some of its keys tells the architecture.
  package var isOnlySigned: Bool {
    let classes = document["architectures"]?.elements?.compactMap(\.text) ?? []
    return document["model_type"] == nil
      && !Architecture.all.contains { architecture in
        classes.contains { architecture.head(ofClass: $0) != nil }
      }
  }

  /// Reads the configuration.
  ///
  /// - Returns: the architecture with its numbers.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, in the order of the
  ///   rules, and ``IngotCore/IngotError/unsupported(_:at:)`` for an architecture that is not built.
  package func read() throws(IngotError) -> ModelConfiguration {
    let architecture = try architecture()
    var config = architecture.defaults
    for key in architecture.keys {
      if let binding = key.binding { try read(key, binding, of: architecture, into: &config) }
    }
    if let conflict = architecture.conflict(config) {
      throw malformed(
        conflict.isRefusal ? .refused : .heads, conflict.key, conflict.found, conflict.expected)
    }
    return ModelConfiguration(
      architecture: architecture, config: config, findings: try otherKeys(architecture), path: path,
      document: plainDocument(architecture), leftOut: leftOut)
  }

  /// The document under transformers' spellings: another program's file is made into that.
  private func plainDocument(_ architecture: Architecture) -> Metadata {
    guard document["model_type"] == nil else { return document }
    for dialect in Dialect.all where dialect.architecture == architecture.id {
      if case .file = dialect.config.carrier, let form = dialect.config.form {
        let read = form.document(from: document, architecture: architecture.id)
        let spelled = Set(form.rows.map(\.spelling))
        return Metadata(
          read.entries + document.entries.filter { !spelled.contains($0.key) && read[$0.key] == nil })
      }
    }
    return Metadata([.init(key: "model_type", value: .string(architecture.id))] + document.entries)
  }

  private func malformed(_ rule: ConfigRule, _ key: String, _ found: Evidence, _ expected: Evidence)
    -> IngotError
  {
    .malformed(rule.rule, at: Location(path, key: key), found: found, expected: expected)
  }

  /// `model_type`; a document without one is OpenAI's `hparams.json` when it has that file's keys.
  private func architecture() throws(IngotError) -> Architecture {
    switch document["model_type"] {
    case .string(let id)?:
      guard let architecture = Architecture.named(id) else {
        let known = Architecture.all.map(\.id).joined(separator: ", ")
        throw .unsupported(
          "the architecture \(id), which is not among the known: \(words: known)",
          at: Location(path, key: "model_type"))
      }
      return architecture
    case nil:
      if let signed = Architecture.all.first(where: { $0.isSigned(in: document) }) { return signed }
      throw malformed(.architecture, "model_type", "no such key", "the architecture's id")
    default:
      throw malformed(.architecture, "model_type", "a value of another type", "the architecture's id")
    }
  }

  /// The value of a key under any of its spellings, which must agree; `nil` when all are absent or null.
  private func value(_ key: ConfigKey) throws(IngotError) -> (key: String, value: MetadataValue)? {
    var found: (key: String, value: MetadataValue)?
    for spelling in key.spellings {
      guard let value = document[spelling], value != .null else { continue }
      if let found, found.value != value {
        throw malformed(.alias, spelling, "another value than \(found.key) has", "the same")
      }
      if found == nil { found = (spelling, value) }
    }
    return found
  }

  /// Sets the field of a key that is honoured.
  private func read(
    _ key: ConfigKey, _ binding: ConfigBinding, of architecture: Architecture, into config: inout ModelConfig
  ) throws(IngotError) {
    if try readRotary(binding, into: &config) { return }
    guard let (name, value) = try value(key) else {
      binding.setDefault(in: &config)
      guard document[key.name] == .null else { return }
      if case .optionalCount(let field, _, _) = binding { config[field] = 0 }
      if case .optionalReal(let field, _) = binding { config[field] = 0 }
      return
    }
    switch binding {
    case .rotary, .rotaryLayers: break
    case .optionalReal(let field, _), .positive(let field, _, _):
      config[field] = try value.positive(at: Location(path, key: name))
    case .blockNumbers(let field): config[field] = try integers(name, value)
    case .blockFlags(let field): config[field] = try blockFlags(name, value, count: config.blockCount)
    case .layers(let field): config[field] = try layers(name, value)
    case .index(let field, _, let limit): config[field] = try count(name, value, from: 0, limit: limit)
    case .optionalCount(let field, _, let limit): config[field] = try count(name, value, limit: limit)
    case .count(let field, _, let limit): config[field] = try count(name, value, limit: limit)
    case .fraction(let field, _): config[field] = try value.fraction(at: Location(path, key: name))
    case .flag(let field, _):
      guard case .bool(let flag) = value else {
        throw malformed(.type, name, "a value of another type", "true or false")
      }
      config[field] = flag
    case .activation(let field, _, let names): config[field] = try activation(name, value, names)
    case .head:
      guard case .array(let classes) = value, classes.allSatisfy({ $0.text != nil }) else {
        throw malformed(.type, name, "a value of another type", "a list of names of classes")
      }
      let heads = classes.compactMap { $0.text.flatMap(architecture.head(ofClass:)) }
      if let head = heads.first { config[.head] = head.id }
    case .token(let field):
      // A negative id is one that no token has.
      guard let id = value.integer else {
        throw malformed(.type, name, "a value of another type", "an integer")
      }
      config[field] = id
    case .word(let field):
      guard let word = value.text else { throw malformed(.type, name, "a value of another type", "a word") }
      config[field] = word
    case .labels:
      if case .object(let names) = value {
        config[.labelCount] = try count(name, .int64(Int64(names.entries.count)), limit: 1 << 20)
      } else {
        config[.labelCount] = try count(name, value, limit: 1 << 20)
      }
    }
  }

  /// Reads what the keys of rotary embeddings say; false for another key.
  private func readRotary(_ binding: ConfigBinding, into config: inout ModelConfig) throws(IngotError) -> Bool
  {
    let layers: [(field: ConfigField<RotaryParameters>, rule: RotaryRule)]
    switch binding {
    case .rotary(let field, .parameters, let rule): layers = [(field, rule)]
    case .rotaryLayers(let fields): layers = fields
    case .rotary: return true
    default: return false
    }
    for (field, rule) in layers {
      config[field] = try RotaryConfigReader(document, path: path, config: config, rule: rule).parameters()
    }
    return true
  }

  /// A list with 1 or 0 for each block; what it has for more than there are is passed over, as transformers does.
  private func blockFlags(
    _ key: String, _ value: MetadataValue, count: Int
  ) throws(IngotError) -> [Bool] {
    guard let elements = value.elements else {
      throw malformed(.type, key, "a value of another type", "a list")
    }
    guard elements.count >= count else {
      throw malformed(.heads, key, "\(elements.count, "layer")", "\(count), as num_hidden_layers says")
    }
    var flags: [Bool] = []
    for element in elements.prefix(count) {
      guard let number = element.integer else {
        throw malformed(.type, key, "a value of another type", "1 or 0 for each layer")
      }
      flags.append(number != 0)
    }
    return flags
  }

  private func integers(_ key: String, _ value: MetadataValue) throws(IngotError) -> [Int] {
    let numbers = value.elements?.map(\.integer)
    guard let numbers, !numbers.contains(nil) else {
      throw malformed(.type, key, "a value of another type", "a list of integers")
    }
    return numbers.compactMap(\.self)
  }

  /// Which blocks see a window.
  private func layers(_ key: String, _ value: MetadataValue) throws(IngotError) -> [Bool] {
    guard case .array(let kinds) = value else {
      throw malformed(.type, key, "a value of another type", "a list")
    }
    var blocks: [Bool] = []
    for kind in kinds {
      guard kind == .string(LayerKind.whole) || kind == .string(LayerKind.window) else {
        throw malformed(
          .refused, key, "\(words: JSONWriter.text(kind))",
          "\(words: LayerKind.whole) or \(words: LayerKind.window), whose arithmetic is built")
      }
      blocks.append(kind == .string(LayerKind.window))
    }
    return blocks
  }

  private func count(
    _ key: String, _ value: MetadataValue, from least: Int = 1, limit: Int
  ) throws(IngotError) -> Int {
    guard case .int64(let number) = value else {
      throw malformed(.type, key, "a value of another type", "an integer")
    }
    guard let count = Int(exactly: number), count >= least, count <= limit else {
      throw malformed(.range, key, "\(number)", "from \(least) to \(limit)")
    }
    return count
  }

  private func activation(
    _ key: String, _ value: MetadataValue, _ names: [(String, ActivationKind)]
  ) throws(IngotError) -> ActivationKind {
    guard case .string(let name) = value else {
      throw malformed(.type, key, "a value of another type", "the name of a function")
    }
    guard let kind = names.first(where: { $0.0 == name })?.1 else {
      let known = names.map(\.0).sorted().joined(separator: ", ")
      throw malformed(.activation, key, .value(name), "one of \(words: known)")
    }
    return kind
  }

  /// Throws for a list of kinds of layers that is longer or shorter than there are layers, which no class takes.
  private func requireEveryLayer(_ entry: Metadata.Entry) throws(IngotError) {
    guard entry.key == "layer_types", let listed = entry.value.elements?.count,
      let count = document["num_hidden_layers"]?.integer, listed != count
    else { return }
    throw malformed(
      .heads, entry.key, "\(listed, "layer")", "\(count), as num_hidden_layers says")
  }

  /// Refuses keys that would change the arithmetic, and reports keys that nobody knows.
  private func otherKeys(_ architecture: Architecture) throws(IngotError) -> [Finding] {
    var known: [String: ConfigKey] = [:]
    for key in architecture.keys {
      for name in key.spellings { known[name] = key }
    }
    var findings: [Finding] = []
    for entry in document.entries {
      guard let key = known[entry.key] else {
        findings.append(
          Finding(
            .unknown, severity: .note, subject: entry.key,
            detail: "is a config key that means nothing here; it is kept"
          ))
        continue
      }
      guard let value = key.effect.valueRefusing(entry.value) else {
        try requireEveryLayer(entry)
        continue
      }
      throw malformed(
        .refused, entry.key, "\(words: JSONWriter.text(entry.value))",
        "\(words: JSONWriter.text(value)), the only value whose arithmetic is built")
    }
    return findings
  }
}

extension Architecture {
  /// Whether a document without `model_type` has the keys that only this architecture's publisher writes.
  fileprivate func isSigned(in document: Metadata) -> Bool {
    !signature.isEmpty && signature.allSatisfy { document[$0] != nil }
  }
}

extension ConfigKey.Effect {
  /// The one value that a key may have, where it has another; null is as if the key were not there.
  fileprivate func valueRefusing(_ found: MetadataValue) -> MetadataValue? {
    switch self {
    case .honoured, .informational: return nil
    case .onlyValue(let value): return found == .null || found.isSameNumber(as: value) ? nil : value
    case .onlyElements(let value):
      guard found != .null else { return nil }
      return found.elements?.allSatisfy { $0.isSameNumber(as: value) } == true ? nil : value
    }
  }
}

extension MetadataValue {
  /// The number that a config has at a place, above 0 and below 1e12.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-03 or CF-04.
  func positive(at place: Location) throws(IngotError) -> Double {
    try number(below: 1e12, "above 0 and below 1e12", at: place)
  }

  /// The number that a config has at a place, above 0 and below 1.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-03 or CF-04.
  fileprivate func fraction(at place: Location) throws(IngotError) -> Double {
    try number(below: 1, "above 0 and below 1", at: place)
  }

  private func number(
    below bound: Double, _ expected: Evidence, at place: Location
  ) throws(IngotError) -> Double {
    guard let number = real else {
      throw .malformed(
        ConfigRule.type.rule, at: place, found: "a value of another type", expected: "a number")
    }
    guard number > 0, number < bound else {
      throw .malformed(ConfigRule.range.rule, at: place, found: "\(number)", expected: expected)
    }
    return number
  }

  /// Whether both are one value, be a number written with a point or without.
  fileprivate func isSameNumber(as other: MetadataValue) -> Bool {
    if let a = real, let b = other.real { return a == b }
    return self == other
  }
}
