// SPDX-License-Identifier: Apache-2.0
// `ingot inspect`.
import ArgumentParser
import IngotBytes
import IngotReport

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is inside a checkpoint.",
    discussion: """
      Reads headers only, unless --hash, --stats, --only-bad or --histogram is given; a file of any size opens at once.

      A pattern is matched with whole names: * stands for any text, dots included, ? for one character, {0…11} for a \
      number, {up,down} for one of some words; so what a table folds can be given back. Behind the first path, what is no \
      file is taken for a pattern.

      EXAMPLES
        ingot inspect gpt2/
        ingot inspect model.safetensors --all 'h.0.*'
        ingot inspect before.npz after.npz --include '*.bias' --sort size
        ingot inspect model.safetensors --only-bad
        ingot inspect model.safetensors --histogram --include '*.weight'
        ingot inspect model.npz --json --hash
        ingot inspect stranger.pt --security
      """)

  @Argument(
    help: "Files, shard indexes or folders, then patterns of the tensors to list.", completion: .path)
  var paths: [String]

  @Flag(name: .long, help: "Add SHA-256 of each tensor's values, the same in every format.")
  var hash = false

  @Flag(name: .long, help: "Add min, max, mean, deviation, zeros, and what is not finite.")
  var stats = false

  @Flag(name: .long, help: "List only tensors with values that are not finite, of any model.")
  var onlyBad = false

  @Flag(
    name: .long, help: "Draw how the values of each tensor spread from the least to the greatest, in 32 bins."
  )
  var histogram = false

  @Option(name: .long, help: "The order of tensors: as stored, by size with the largest first, or by name.")
  var sort: ListingOrder = .stored

  @Flag(name: .long, help: "Show all metadata, with their types.")
  var meta = false

  @Flag(name: .long, help: "List each tensor instead of folding repeated blocks.")
  var all = false

  @Flag(name: .long, help: "Show what is stored: quantized tensors as their values, scales and zero points.")
  var raw = false

  @Flag(
    name: .long,
    help: """
      List what would run if each file were loaded by the programs it is for: calls of pickles, code, configs that name \
      code. Every file of a folder and of archives is looked at, nothing is called; exits with 1 unless all are clean.
      """)
  var security = false

  @OptionGroup var selection: SelectionOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    let needless = [
      ("--hash", hash), ("--stats", stats), ("--only-bad", onlyBad), ("--histogram", histogram),
      ("--sort", sort != .stored), ("--meta", meta), ("--all", all), ("--raw", raw),
      ("--include", !selection.include.isEmpty), ("--exclude", !selection.exclude.isEmpty),
      ("--npy-dtype", !reading.rawDTypes.isEmpty), ("--jobs", threads.jobs != nil),
      ("--from", reading.fileName != nil), ("a second path or a pattern", paths.count > 1),
    ].filter(\.1).map(\.0)
    if security, let option = needless.first {
      throw ValidationError("--security looks at every file and reads no tensors: it goes without \(option).")
    }
    if threads.jobs != nil, !hash, !stats, !onlyBad, !histogram {
      throw ValidationError("--jobs goes with --hash, --stats, --only-bad or --histogram.")
    }
  }

  func run() throws {
    guard !security else { return try listCalls() }
    var options = InspectOptions()
    options.hashes = hash
    options.statistics = stats
    options.histograms = histogram
    options.onlyNonFinite = onlyBad
    options.order = sort
    options.reading = try reading.options(isRaw: raw)
    options.work = reading.work(threads)
    // Behind the first, what is no file is a pattern; a dash is standard input.
    let isFile = paths.map { $0 == "-" || (try? LiveSystem().status(at: $0, followingLinks: false)) != nil }
    let files = paths.indices.filter { $0 == 0 || isFile[$0] }.map { paths[$0] }
    let patterns = paths.indices.filter { $0 > 0 && !isFile[$0] }.map { paths[$0] }
    options.selection = selection.selection
    options.selection.include += patterns.map(Glob.init)
    if selection.include.isEmpty, !patterns.isEmpty { options.includedBy = .names }
    options.isOneOfSeveral = files.count > 1
    var text = InspectionText.Options()
    text.isUnfolded = all
    text.showsMetadata = meta
    text.order = sort
    text.onlyNonFinite = onlyBad
    let (reports, failure) = try CommandFailure.forEach(of: files) {
      try Ingot.inspect($0, options: options, progress: global.progress)
    }
    if reports.isEmpty, let failure { throw failure }
    if reports.count > 1 {
      try options.selection.check(
        names: reports.lazy.map { $0.checkpoint.tensors.lazy.map(\.name) }.joined(),
        includedBy: options.includedBy)
    }
    if global.json {
      Terminal.stream { (write) throws(IngotError) in
        try JSONText.writeInspections(reports, areSeveral: files.count > 1, hasTypes: meta, write)
      }
    } else if !global.quiet {
      let style = Terminal.standardOutput.style
      Terminal.stream { (write) throws(IngotError) in
        for (index, report) in reports.enumerated() {
          if index > 0 { try write("\n") }
          try InspectionText.write(report, options: text, style: style) { (line) throws(IngotError) in
            try write(line + "\n")
          }
        }
      }
    }
    if let failure { throw failure }
  }

  private func listCalls() throws {
    var options = SecurityOptions()
    options.reading = try reading.options()
    options.work = reading.work()
    let report = try Ingot.surveySecurity(paths.first ?? "", options: options)
    global.print(json: { SecurityText.json(report) }) { SecurityText.lines(report, style: $0) }
    guard report.isClean else { throw CheckFailed() }
  }
}

extension ListingOrder: ExpressibleByArgument {}
