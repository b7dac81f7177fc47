// SPDX-License-Identifier: Apache-2.0
// `ingot inspect`.
import ArgumentParser
import IngotReport

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is inside a checkpoint.",
    discussion: """
      Reads headers only, unless --hash or --stats is given; a file of any size opens at once.

      EXAMPLES
        ingot inspect gpt2/
        ingot inspect model.safetensors --all 'h.0.*'
        ingot inspect model.npz --json --hash
        ingot inspect stranger.pt --security
      """)

  @Argument(help: "A file, a shard index, or a folder.")
  var path: String

  @Argument(help: "Name patterns of the tensors to list; * stands for any text.")
  var globs: [String] = []

  @Flag(name: .long, help: "Add SHA-256 of each tensor's values, the same in every format.")
  var hash = false

  @Flag(name: .long, help: "Add min, max, mean, deviation, zeros, and what is not finite.")
  var stats = false

  @Flag(name: .long, help: "List each tensor instead of folding repeated blocks.")
  var all = false

  @Flag(name: .long, help: "Show what is stored: quantized tensors as their parts.")
  var raw = false

  @Flag(
    name: .long,
    help: """
      List what would run if each file were loaded by the programs it is for: calls of pickles, code, configs that name \
      code. Every file of a folder and of archives is looked at, nothing is called; exits with 1 unless all are clean.
      """)
  var security = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    let needless = [
      ("--hash", hash), ("--stats", stats), ("--all", all), ("--raw", raw), ("name patterns", !globs.isEmpty),
      ("--npy-dtype", !reading.rawDTypes.isEmpty), ("--jobs", threads.jobs != nil),
      ("--from", reading.fileName != nil),
    ].filter(\.1).map(\.0)
    if security, let option = needless.first {
      throw ValidationError("--security looks at every file and reads no tensors: it goes without \(option).")
    }
    if threads.jobs != nil, !hash, !stats { throw ValidationError("--jobs goes with --hash or --stats.") }
  }

  func run() throws {
    guard !security else { return try listCalls() }
    var options = InspectOptions()
    options.hashes = hash
    options.statistics = stats
    options.selection = TensorSelection(include: globs.map(Glob.init))
    options.reading = try reading.options(isRaw: raw)
    options.work = reading.work(threads)
    let report = try Ingot.inspect(path, options: options, progress: global.progress)
    global.print(json: { JSONText.inspection(report) }) { style in
      InspectionText.lines(report, isUnfolded: all, style: style)
    }
  }

  private func listCalls() throws {
    var options = SecurityOptions()
    options.reading = try reading.options()
    options.work = reading.work()
    let report = try Ingot.surveySecurity(path, options: options)
    global.print(json: { SecurityText.json(report) }) { SecurityText.lines(report, style: $0) }
    guard report.isClean else { throw CheckFailed() }
  }
}
