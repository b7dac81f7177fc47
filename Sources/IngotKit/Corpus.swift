// SPDX-License-Identifier: Apache-2.0
// Makes text to calibrate and evaluate with: documents as a stream, without duplicates and what heuristics reject.
import IngotBytes
import IngotCore
import IngotCorpus

/// What ``Ingot/corpus(_:to:options:progress:)`` is to do.
public struct CorpusOptions: Sendable {
  /// What is kept.
  public var recipe = CorpusRecipe()
  /// How inputs hold documents; `nil` to go by names, and for standard input by its first byte.
  public var documentForm: DocumentForm?
  /// The field of records that has the text.
  public var field = "text"
  /// What stands between the documents of a text; empty where a file is one.
  public var documentSeparator = ""
  /// How the output holds documents, `jsonl` or `text`; `nil` takes it from the output's extension.
  public var format: DocumentForm?
  /// What stands between two texts of the output.
  public var separator = "\n\n"
  /// Documents that are kept at most; the rest is not read then.
  public var wantedCount: Int?
  /// A file that gets the decision on every document.
  public var list: String?
  /// Whether existing outputs are replaced.
  public var force = false
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes the default options.
  public init() {}
}

/// What became of documents.
public struct CorpusReport: Sendable {
  /// The inputs as given.
  public var inputs: [String]
  /// The output's path; `nil` when none was written.
  public var output: String?
  /// The list's path.
  public var list: String?
  /// What was asked for.
  public var recipe: CorpusRecipe
  /// Documents by decision, in the order in which decisions are made.
  public var decisions: [(decision: CorpusDecision, count: Int)]
  /// Bytes of all documents, as they were read.
  public var byteCount: Int
  /// Bytes of the output.
  public var writtenByteCount: Int
  /// What folders hold and was not taken.
  public var passedOver: PassedOver
  /// Documents that no later one is compared with by some of their bands, since too many others share those.
  public var crowdedCount: Int
  /// How signatures were cut; `nil` when near duplicates were not looked for.
  package var layout: BandLayout?

  /// All documents.
  public var documentCount: Int { decisions.reduce(0) { $0 + $1.count } }
  /// Documents of the output.
  public var keptCount: Int { decisions.first { $0.decision == .kept }?.count ?? 0 }
}

extension Ingot {
  /// Makes a corpus of documents: those that heuristics let pass, without exact and near duplicates, in their order.
  ///
  /// The same inputs and options give the same bytes, whatever the number of threads.
  ///
  /// - Parameters:
  ///   - inputs: files, folders, and `-` for standard input.
  ///   - output: the path of a file; `-` for standard output; `nil` to count only.
  ///   - options: what is kept, and how it is written.
  ///   - progress: hears of every byte, where all inputs are files.
  /// - Returns: what became of them.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for options that mean nothing;
  ///   ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the line of a record that is none;
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for a document that is too long; read and write errors. The
  ///   output and the list then hold what they held before.
  public static func corpus(
    _ inputs: [String], to output: String?, options: CorpusOptions = CorpusOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> CorpusReport {
    let form = try form(of: output, options)
    try options.validate(inputs, output)
    let system = options.work.system
    let sources = inputs.filter { $0 != "-" }.map { CheckpointFile(path: $0, byteCount: 0) }
    let file = try output.flatMap { $0 == "-" ? nil : $0 }.map { (path) throws(IngotError) in
      try AtomicOutput(path: path, isFolder: false, force: options.force, sources: sources, system: system)
    }
    let list = try options.list.map { (path) throws(IngotError) in
      try AtomicOutput(path: path, isFolder: false, force: options.force, sources: sources, system: system)
    }
    let target: (any OutputTarget)? =
      if let file { try file.file(named: "") } else if output != nil { StandardOutput(system: system) } else {
        nil
      }
    let input = CorpusInput(
      inputs, form: options.documentForm, field: options.field, separator: options.documentSeparator,
      outputs: [file, list].compactMap { $0 }.compactMap {
        try? system.status(at: $0.path, followingLinks: true)
      })
    let total = byteCount(of: inputs, system)
    progress?.begin("reading", byteCount: total)
    defer { progress?.end() }
    var pass = try CorpusPass(
      input, recipe: options.recipe, output: target.map { (form, $0) }, list: try list?.file(named: ""),
      limit: options.wantedCount, work: options.work, relay: ProgressRelay(total > 0 ? progress : nil))
    let counts = try pass.run()
    try list?.commit()
    try file?.commit()
    return CorpusReport(inputs, output, options, counts)
  }

  /// The bytes of all inputs; 0 where they are not known.
  private static func byteCount(of inputs: [String], _ system: any SystemCalls) -> Int {
    let statuses = inputs.map { try? system.status(at: $0, followingLinks: true) }
    guard statuses.allSatisfy({ $0?.kind == .file }) else { return 0 }
    return statuses.reduce(0) { $0 + ($1?.byteCount ?? 0) }
  }
}

/// How an output is written.
private func form(of output: String?, _ options: CorpusOptions) throws(IngotError) -> CorpusForm {
  var format = options.format
  if format == nil {
    switch output.map(FilePath.fileExtension) {
    case nil, "jsonl", "ndjson": format = .jsonLines
    case "txt", "text": format = .text
    case _ where output == "-": format = .jsonLines
    default: break
    }
  }
  guard let format, format != .lines else {
    throw .invalidRequest(
      option: .format, why: "is to be jsonl or text, or the output's name is to end in .jsonl or .txt")
  }
  return CorpusForm(
    isJSONLines: format == .jsonLines, field: options.field, separator: options.separator)
}

extension CorpusOptions {
  /// Throws for options that mean nothing, or not together.
  fileprivate func validate(_ inputs: [String], _ output: String?) throws(IngotError) {
    try recipe.validate()
    guard !inputs.isEmpty else { throw .invalidRequest(option: .inputs, why: "there is none") }
    guard inputs.count(where: { $0 == "-" }) < 2 else {
      throw .invalidRequest(option: .inputs, why: "standard input is there once")
    }
    guard wantedCount ?? 1 > 0 else {
      throw .invalidRequest(option: .wantedCount, why: "is to be a number of at least 1")
    }
    guard documentSeparator.utf8.count <= 256 else {
      throw .invalidRequest(option: .documentSeparator, why: "is to have at most \(256, "byte")")
    }
    guard documentSeparator.isEmpty || documentForm ?? .text == .text else {
      throw .invalidRequest(option: .documentSeparator, why: "is for texts")
    }
    guard list != "-", list == nil || list != output else {
      throw .invalidRequest(option: .list, why: "is to be a file of its own")
    }
  }
}

extension CorpusReport {
  fileprivate init(
    _ inputs: [String], _ output: String?, _ options: CorpusOptions, _ counts: CorpusCounts
  ) {
    (self.inputs, self.output, recipe, list) = (inputs, output, options.recipe, options.list)
    decisions = CorpusDecision.allCases.map { ($0, counts.decisions[$0, default: 0]) }
    (byteCount, writtenByteCount) = (counts.byteCount, counts.writtenByteCount)
    (passedOver, crowdedCount) = (counts.passedOver, counts.crowdedCount)
    layout = options.recipe.nearDuplicates.map {
      BandLayout(threshold: $0.threshold, permutations: $0.permutations)
    }
  }
}
