// SPDX-License-Identifier: Apache-2.0
// `ingot hash`.
import ArgumentParser
import IngotReport

struct HashCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hash",
    abstract: "Print a digest of each checkpoint that does not depend on its format.",
    discussion: """
      The digest is SHA-256 over one line a tensor, `digest  DTYPE  d0,d1,…  name`, sorted by name. The output is what \
      sha256sum prints; --manifest checks such a file and exits with 1 when it does not hold. What --json prints is a \
      manifest too, by which a failure names the tensors. Of several paths each gets its digest, also behind one that \
      can't be read. --as needs a model that is understood. \(understoodModels)

      EXAMPLES
        ingot hash model.safetensors model.npz
        ingot hash gpt2/ > MANIFEST && ingot hash --manifest MANIFEST
        ingot hash model.ingot --json > DIGESTS && ingot hash --manifest DIGESTS
        ingot hash --as hf gpt2/ gpt2.gguf
      """)

  @Argument(help: "Checkpoints: files, shard indexes or folders.", completion: .path)
  var paths: [String] = []

  @Option(
    name: .long, help: ArgumentHelp("Check the digests that a file lists.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var manifest: String?

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "Hash a model's parameters as in this dialect's names and layouts: \(dialectNames).",
      valueName: "dialect"), completion: .dialects)
  var dialect: String?

  @OptionGroup var model: ModelOptions
  @OptionGroup var head: HeadOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard paths.isEmpty != (manifest == nil) else {
      throw ValidationError("Give checkpoints to hash, or --manifest with a file to check.")
    }
    if head.head != .asIs, dialect == nil { throw ValidationError("--tie and --untie go with --as.") }
    if model.config != nil, dialect == nil { throw ValidationError("--config goes with --as.") }
  }

  func run() throws {
    if let manifest { return try check(manifest) }
    let (reports, failure) = try CommandFailure.forEach(of: paths) { path in
      let report = try report(path)
      if !global.json { tell(report) }
      return report
    }
    if global.json, !reports.isEmpty {
      Terminal.stream { (write) throws(IngotError) in try JSONText.writeHashes(reports, write) }
    }
    if let failure { throw failure }
  }

  /// Prints a digest, which --quiet leaves, and on standard error what is not in it.
  private func tell(_ report: HashReport) {
    let leftOut = FindingText.leftOut(
      report.findings.filter { $0.kind == .leftOut }, of: ErrorRenderer.name(report.path),
      "is not in the digest", isUnfolded: false, style: Terminal.standardError.style)
    if !global.quiet, !leftOut.isEmpty { Terminal.printError(leftOut) }
    let line = HashManifest.Entry(digest: report.model, path: report.path).line
    // A file gets the name as it is, so that it is found again.
    let isShown = Terminal.standardOutput.isTerminal
    Terminal.printOutput([isShown ? PrintableText.escaped(line, limit: .max) : line])
  }

  private func report(_ path: String) throws -> HashReport {
    var options = HashOptions()
    options.reading = try reading.options()
    options.work = reading.work(threads)
    options.dialect = dialect
    options.config = model.config
    options.head = head.head
    options.isOneOfSeveral = paths.count != 1
    return try Ingot.hash(path, options: options, progress: global.progress)
  }

  /// What became of a line of a manifest.
  private struct Checked {
    var path: String
    var holds = false
    /// What of its tensors is not as the manifest says.
    var differences: (changed: [String], missing: [String], added: [String]) = ([], [], [])
    /// Why it could not be checked.
    var error: IngotError?

    var json: MetadataValue {
      var entries = [
        Metadata.Entry(key: "path", value: .string(path)), .init(key: "holds", value: .bool(holds)),
      ]
      for (key, names) in [
        ("changed", differences.changed), ("missing", differences.missing), ("added", differences.added),
      ] where !names.isEmpty {
        entries.append(.init(key: key, value: .array(names.map { .string($0) })))
      }
      if let error {
        entries.append(.init(key: "error", value: .string(ErrorRenderer.line(error))))
      }
      return .object(Metadata(entries))
    }

    func line(_ style: TextStyle) -> String {
      let word = holds ? "OK" : style.text(error == nil ? "FAILED" : "FAILED open", .error)
      let reasons = [
        DigestText.names(differences.changed, are: "differs", "differ"),
        DigestText.names(differences.missing, are: "is missing", "are missing"),
        DigestText.names(differences.added, are: "is new", "are new"),
      ].compactMap(\.self)
      let why = reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")
      return "\(ErrorRenderer.name(path)): \(word)\(why)"
    }
  }

  /// Checks every line, also behind one that can't be read.
  private func check(_ path: String) throws {
    var results: [Checked] = []
    let manifest = try HashManifest(path: path)
    for entry in manifest.entries {
      var result = Checked(path: entry.path)
      do {
        let report = try report(entry.path)
        result.holds = report.model == entry.digest
        if !result.holds { result.differences = entry.differences(from: report) }
      } catch let error as IngotError where error != .interrupted {
        result.error = error
        Terminal.printError([ErrorRenderer.line(error)])
      }
      results.append(result)
    }
    let passedOver = manifest.passedOverCount
    if passedOver > 0, !global.quiet {
      Terminal.printError([
        DigestText.passedOver(passedOver, first: manifest.firstPassedOver, of: ErrorRenderer.name(path))
      ])
    }
    global.print(json: {
      var entries = [("checked", MetadataValue.array(results.map(\.json)))]
      if passedOver > 0 { entries.append(("lines_passed_over", .int64(Int64(passedOver)))) }
      return JSONText.document(entries)
    }) { style in
      results.map { $0.line(style) }
    }
    if !results.allSatisfy(\.holds) { throw CheckFailed() }
  }
}
