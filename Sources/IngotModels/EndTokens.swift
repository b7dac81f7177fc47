// SPDX-License-Identifier: Apache-2.0
// The tokens that end a text, by what stands in and beside a checkpoint.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEncodings
import IngotGraph
import IngotOutput

extension Model {
  /// The file that says how a model's texts are made.
  private static let generationConfigName = "generation_config.json"
  /// Keys of GGUF's metadata: the end of a text, of a turn, of a message.
  private static let metadataKeys = ["eos", "eot", "eom"].map { "tokenizer.ggml.\($0)_token_id" }

  /// The ids of tokens that end a text: by generation_config.json, else by the config, and by a GGUF file's own keys.
  ///
  /// - Throws: the errors of reading generation_config.json, and ``IngotCore/IngotError/malformed(_:at:found:expected:)``
  ///   with CF-01 where it is no object of JSON.
  package func endTokens() throws(IngotError) -> Set<Int> {
    let key = "eos_token_id"
    let said = try generationConfig()?[key] ?? recognised.configuration.document[key]
    return ([said] + Self.metadataKeys.map { checkpoint.metadata[$0] }).reduce(into: []) { ids, value in
      for id in Self.integers(value) where (0..<recognised.graph.config.vocabularySize).contains(id) {
        ids.insert(id)
      }
    }
  }

  /// Reads generation_config.json, inside the checkpoint or beside it.
  private func generationConfig() throws(IngotError) -> Metadata? {
    let name = Self.generationConfigName
    if let companion = checkpoint.companions.first(where: { $0.kind == .generationConfig }) {
      return try Self.document(companion.bytes, at: "\(path): \(companion.name)")
    }
    let file = FilePath.join(CompanionScan.folder(of: path, system: work.system), name)
    guard (try? work.system.status(at: file, followingLinks: true)) != nil else { return nil }
    return try Self.document(Companions.text(file, system: work.system), at: file)
  }

  private static func document(_ bytes: [UInt8], at path: String) throws(IngotError) -> Metadata {
    do throws(JSONFailure) {
      return try JSONDocument.object(bytes)
    } catch {
      throw IngotError(error, rule: ConfigRule.json.rule, at: Location(path))
    }
  }

  /// The numbers of a value: one, or a list of them.
  private static func integers(_ value: MetadataValue?) -> [Int] {
    switch value {
    case .array(let values)?: values.compactMap { $0.integer }
    case let value?: [value.integer].compactMap(\.self)
    case nil: []
    }
  }
}
