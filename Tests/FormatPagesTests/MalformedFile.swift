// SPDX-License-Identifier: Apache-2.0
// Files under fixtures/malformed: each breaks the rule that its name begins with, and no rule that is checked before it.
import IngotDialects
import IngotKit
import IngotTestSupport
import IngotText
import Testing

/// A file, or a folder that holds a set, which a reader must refuse.
struct MalformedFile: Sendable, CustomTestStringConvertible {
  let path: String
  /// The folder under `fixtures/malformed/`.
  let folder: String
  /// The id before the second hyphen: `ST-07` of `ST-07-hole.safetensors`.
  let rule: String

  var testDescription: String { path }

  /// All that is in a folder under `fixtures/malformed/`.
  static func all(_ folder: String) -> [MalformedFile] {
    Fixture.names(in: "malformed/" + folder).filter { $0 != "README.md" }.map { name in
      MalformedFile(
        path: "malformed/\(folder)/\(name)", folder: folder,
        rule: name.split(separator: "-").prefix(2).joined(separator: "-")
      )
    }
  }

  /// The files of a folder, as companions of a checkpoint.
  private func companions() throws -> [Companion] {
    try Fixture.names(in: path).map {
      Companion(kind: .tokenizer, name: $0, bytes: try Fixture.bytes("\(path)/\($0)"))
    }
  }

  /// The template that a task's name has before its extension.
  private var task: ZeroShotOptions {
    var options = ZeroShotOptions()
    for template in TaskTemplate.all where path.hasSuffix(".\(template.name).jsonl") {
      options.template = template
    }
    return options
  }

  /// Makes numbers of what is packed.
  private func makeNumbers() throws {
    var options = ConvertOptions()
    options.dtype = .f32
    options.format = "safetensors"
    _ = try Conversion(Fixture.path(path), to: "-", options: options)
  }

  /// Merges an adapter into the base that it is for.
  private func mergeAdapter() throws {
    var options = MergeOptions()
    options.format = "safetensors"
    _ = try Ingot.merge(
      .adapters([WeightedInput(Fixture.path(path))], base: Fixture.path("adapters/base/llama")), to: "-",
      options: options)
  }

  /// The id of the rule that reading all of the file finds broken; else what happened instead.
  ///
  /// Taking digests opens the file and reads every tensor, so that rules about stored checksums are reached too.
  func brokenRule() -> String {
    do {
      switch folder {
      case "json-lines": _ = try Ingot.corpus([Fixture.path(path)], to: nil)
      case "zero-shot":
        _ = try Ingot.zeroShot(Fixture.path("kjv-gpt2"), task: Fixture.path(path), options: task)
      case "manifest": _ = try HashManifest(path: Fixture.path(path))
      case "config": _ = try ConfigReader(Fixture.bytes(path), path: path).read()
      case "tokenizer": _ = try TokenizerFiles(companions(), folder: path).vocabulary(rowCount: 8)
      case "tokenizer-pipeline": _ = try TokenizerFiles(companions(), folder: path).tokenizer()
      case "llmc-state": _ = try FixtureSet(path: Fixture.path(path), vocabularySize: 5)
      case "packed-weights": try makeNumbers()
      case "adapters": try mergeAdapter()
      default: _ = try Ingot.hash(Fixture.path(path))
      }
      return "accepted"
    } catch {
      if case IngotError.malformed(let rule, _, _, _) = error { return rule.id }
      return "\(error)"
    }
  }
}
