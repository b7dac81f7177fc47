// SPDX-License-Identifier: Apache-2.0
// A tokenizer from a path: a folder with its files, one of these, or a checkpoint that holds it or stands beside it.
// Page: formats/tokenizer.md, "Sources".
import IngotBytes
import IngotCore
import IngotFormats
import IngotOutput
import IngotText

/// Opens tokenizers.
package struct TokenizerOpener {
  private let work: WorkOptions
  private let reading: ReadOptions

  /// Prepares.
  package init(work: WorkOptions = WorkOptions(), reading: ReadOptions = ReadOptions()) {
    self.work = work
    self.reading = reading
  }

  /// Opens the tokenizer of a path.
  ///
  /// - Parameters:
  ///   - path: a folder, a tokenizer's file, or a checkpoint.
  ///   - isOnlyInput: whether nothing else is read, so that the options of reading are for this.
  /// - Returns: the tokenizer.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` where there is none, the errors of its files, and
  ///   ``IngotCore/IngotError/invalidRequest(option:why:)`` for an option of reading without effect on the only input.
  package func open(_ path: String, isOnlyInput: Bool = false) throws(IngotError) -> Tokenizer {
    if path != StandardInput.path, let tokenizer = try apart(path) {
      if isOnlyInput { try requireNoReading() }
      return tokenizer
    }
    do throws(IngotError) {
      return try checkpoint(path, isOnlyInput: isOnlyInput)
    } catch {
      guard (try? work.system.status(at: path, followingLinks: true))?.kind == .folder else { throw error }
      // A folder without weights is a folder without a tokenizer.
      switch error {
      case .unsuitable, .missing: throw noTokenizer(path)
      default: throw error
      }
    }
  }

  /// Throws for options of reading weights, where a tokenizer's own files are all that is read.
  private func requireNoReading() throws(IngotError) {
    let options: [(RequestOption, Bool)] = [
      (.fileName, reading.fileName != nil), (.rawDTypes, !reading.rawDTypes.isEmpty),
    ]
    guard let (option, _) = options.first(where: \.1) else { return }
    throw .invalidRequest(
      option: option, why: "is for weights, and the tokenizer is read from files of its own")
  }

  /// The tokenizer of a folder or file that holds one by itself; `nil` for another.
  private func apart(_ path: String) throws(IngotError) -> Tokenizer? {
    let status = try? work.system.status(at: path, followingLinks: true)
    if status?.kind == .folder { return try files(in: path, naming: nil)?.tokenizer() }
    let name = FilePath.name(of: path)
    if let source = Self.source(naming: name) {
      if let tokenizer = try files(in: FilePath.folder(of: path), naming: name)?.tokenizer() {
        return tokenizer
      }
      let other = source.first { $0 != name }
      throw .missing(
        path: path,
        why: other == nil ? "is not there" : "is a tokenizer's with \(other ?? ""), which is not beside it",
        hint: nil)
    }
    let file = try FileByteSource(path: path, system: work.system)
    let head = try file.bytes(at: 0, count: min(file.byteCount, 1024))
    if let kind = TokenizerFiles.sourceName(ofContent: head) {
      let bytes = try Companions.text(path, system: work.system)
      let files = TokenizerFiles(
        [Companion(kind: .tokenizer, name: kind, bytes: bytes)], folder: FilePath.folder(of: path),
        calling: [kind: name])
      return try files.tokenizer()
    }
    return nil
  }

  /// The files of a source that one of them names.
  private static func source(naming name: String) -> [String]? {
    if FilePath.fileExtension(of: name) == TokenizerFiles.rankExtension { return [name] }
    return TokenizerFiles.sources.first { $0.contains(name) }
  }

  /// The files of a folder that tell of a tokenizer: those of the first source that is there, and settings.
  ///
  /// - Parameters:
  ///   - folder: the folder.
  ///   - name: a file of the source that is meant; `nil` for any.
  /// - Returns: the files; `nil` where no source is whole.
  /// - Throws: read errors.
  private func files(in folder: String, naming name: String?) throws(IngotError) -> TokenizerFiles? {
    let names: [String]
    do throws(CallFailure) {
      names = try work.system.names(in: folder)
    } catch {
      throw .notFound(error, path: folder, work.system)
    }
    let ranks = names.filter { FilePath.fileExtension(of: $0) == TokenizerFiles.rankExtension }.sorted()
    let sources =
      name.flatMap(Self.source).map { [$0] } ?? TokenizerFiles.sources + ranks.prefix(1).map { [$0] }
    guard let source = sources.first(where: { $0.allSatisfy(names.contains) }) else { return nil }
    var companions: [Companion] = []
    for name in source + TokenizerFiles.settingNames where names.contains(name) {
      let bytes = try Companions.text(FilePath.join(folder, name), system: work.system)
      companions.append(Companion(kind: .tokenizer, name: name, bytes: bytes))
    }
    return TokenizerFiles(companions, folder: folder)
  }

  /// The tokenizer inside a checkpoint, else beside it.
  private func checkpoint(_ path: String, isOnlyInput: Bool) throws(IngotError) -> Tokenizer {
    let checkpoint = try CheckpointOpener(options: reading, work: work).open(path)
    if isOnlyInput { try reading.requireUse(at: [path], by: [checkpoint], work: work) }
    if let tokenizer = try Tokenizer.gguf(checkpoint.metadata, path: path) { return tokenizer }
    if let tokenizer = try TokenizerFiles(checkpoint.companions, folder: path).tokenizer() {
      return tokenizer
    }
    guard path != StandardInput.path else { throw noTokenizer(StandardInput.name) }
    let folder = CompanionScan.folder(of: path, system: work.system)
    if let tokenizer = try files(in: folder, naming: nil)?.tokenizer() { return tokenizer }
    throw noTokenizer(path)
  }

  private func noTokenizer(_ path: String) -> IngotError {
    .missing(
      path: path, why: "holds no tokenizer, and none stands beside it",
      hint:
        "tokenizers are read from \(words: TokenizerFiles.sources.joined().joined(separator: ", ")), and GGUF files"
    )
  }
}
