// SPDX-License-Identifier: Apache-2.0
// Options that every command has, and types that options are made of.
import ArgumentParser
import IngotBytes
import IngotReport

/// Options that every command has.
struct GlobalOptions: ParsableArguments {
  @Flag(name: .long, help: "Print the result as JSON; an error is a JSON object on standard error.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Add where, found and help lines to an error.")
  var verbose = false

  @Option(
    name: .long,
    help: "Whether text is coloured; auto does on a terminal where NO_COLOR is not set.")
  var color: ColorChoice = .auto

  /// Prints a command's result in the form asked for.
  ///
  /// - Parameters:
  ///   - output: what the command has written; with a checkpoint on standard output, `-`, its result goes to standard
  ///     error.
  ///   - makeJSON: makes the result for programs.
  ///   - makeLines: makes the result for people.
  func print(
    besides output: String? = nil, json makeJSON: () -> String, text makeLines: (TextStyle) -> [String]
  ) {
    let isStreaming = output == "-"
    if json {
      isStreaming ? Terminal.printError(makeJSON()) : Terminal.printOutput(makeJSON())
    } else if !quiet {
      isStreaming
        ? Terminal.printError(makeLines(Terminal.standardError.style))
        : Terminal.printOutput(makeLines(Terminal.standardOutput.style))
    }
  }

  /// Ends a check that failed, and says on standard error what was missed; JSON has said so itself.
  func fail(_ missed: [String]) throws {
    guard !missed.isEmpty else { return }
    if !quiet, !json { Terminal.printError(missed.map { "ingot: \($0)" }) }
    throw CheckFailed()
  }

  /// What long work tells how far it is: a line on a terminal, or nothing.
  var progress: (any ProgressObserver)? {
    guard !quiet, !json, Terminal.standardError.isTerminal else { return nil }
    return ProgressLine()
  }
}

/// How a checkpoint is read.
struct ReadingOptions: ParsableArguments {
  @Option(
    name: .customLong("from"),
    help: ArgumentHelp("Which of several weight files in a folder or archive to read.", valueName: "name"))
  var fileName: String?

  @Option(
    name: .customLong("npy-dtype"),
    help: ArgumentHelp(
      "The dtype of NumPy arrays of raw bytes (V2) by name pattern, such as '*=BF16'.",
      valueName: "glob=dtype"))
  var rawDTypes: [String] = []

  @Option(
    name: .customLong("scratch"),
    help: ArgumentHelp(
      "Where scratch files go, should the input have to be decompressed.", valueName: "folder"),
    completion: .directory)
  var scratchFolder: String = WorkOptions.defaultScratchFolder

  /// The options as the library takes them.
  func options(isRaw: Bool = false) throws -> ReadOptions {
    let pairs = try rawDTypes.map { (spelling) throws(IngotError) in
      guard let (pattern, word) = spelling.divided(at: "=", last: true) else {
        throw .invalidRequest(option: .rawDTypes, why: "\(spelling) is not of the form GLOB=DTYPE")
      }
      guard let dtype = DType(caseInsensitive: word) else {
        throw .invalidRequest(
          option: .rawDTypes,
          why:
            "there is no dtype \(word); known are \(words: DType.allCases.map(\.rawValue).joined(separator: ", "))"
        )
      }
      return (pattern: Glob(pattern), dtype: dtype)
    }
    return ReadOptions(rawDTypes: pairs, isRaw: isRaw, fileName: fileName)
  }

  /// How the work is done, as the library takes it.
  func work(_ threads: JobOptions? = nil) -> WorkOptions {
    var work = WorkOptions()
    work.scratchFolder = scratchFolder
    work.jobs = threads?.jobs
    return work
  }
}

/// How many threads work.
struct JobOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Threads that work at the same time; without it, one a processor. At most \(WorkOptions.jobLimit) are used.",
      valueName: "n"))
  var jobs: Int?

  func validate() throws {
    guard jobs ?? 1 >= 1 else { throw ValidationError("--jobs takes a number of threads, 1 or more.") }
  }
}

/// Which tensors a command works on.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Take tensors whose names match only; * stands for any text. Repeatable.", valueName: "glob"))
  var include: [String] = []

  @Option(
    name: .long, help: ArgumentHelp("Leave out tensors whose names match. Repeatable.", valueName: "glob"))
  var exclude: [String] = []

  /// The selection as the library takes it.
  var selection: TensorSelection {
    TensorSelection(include: include.map(Glob.init), exclude: exclude.map(Glob.init))
  }
}

/// Text of the command line: what is no UTF-8 is refused, where a path takes any bytes.
struct TextArgument: ExpressibleByArgument {
  let text: String

  init(_ text: String) { self.text = text }

  init?(argument: String) {
    guard PathText.shown(argument) == argument else { return nil }
    text = argument
  }

  var defaultValueDescription: String { text }
}

/// The path of a file that is read whole, and never from standard input.
///
/// - Parameter path: the path as given.
/// - Returns: the same.
/// - Throws: a usage error for a dash.
@Sendable func wholeFile(_ path: String) throws -> String {
  guard path != "-" else {
    throw ValidationError("standard input is not read here; a file of that name is ./-")
  }
  return path
}

/// A number of bytes: `5GB`, `512 MiB`, `2M`, `1000`.
struct ByteCount {
  let value: Int

  /// What is written, in any case: units of ten with or without their B, and those of two.
  static let forms = "a number of bytes such as 1000, 500kB, 2M, 5GB, 512MiB"

  private static let factors: [String: Double] = [
    "": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
    "ki": 1024, "kib": 1024, "mi": 1_048_576, "mib": 1_048_576, "gi": 1_073_741_824, "gib": 1_073_741_824,
    "ti": 1_099_511_627_776, "tib": 1_099_511_627_776,
  ]

  init(_ spelling: String) throws {
    let digits = spelling.prefix { $0.isNumber || $0 == "." }
    let unit = spelling.dropFirst(digits.count).drop { $0 == " " }.lowercased()
    guard let number = Double(digits), let factor = Self.factors[unit], number * factor >= 1,
      number * factor < 9e18
    else { throw ValidationError("Please give \(Self.forms)") }
    value = Int(number * factor)
  }
}

extension DType: ExpressibleByArgument {
  /// Reads a dtype's spelling in any case.
  public init?(argument: String) {
    self.init(caseInsensitive: argument)
  }

  /// The dtypes that something can be converted to, for help and completions.
  public static var allValueStrings: [String] {
    ConvertOptions.dtypes.map { $0.rawValue.lowercased() }
  }
}

extension OverflowPolicy: ExpressibleByArgument {}

/// The ids of the dialects, for help.
let dialectNames = Ingot.dialects.joined(separator: ", ")
/// The ids of the architectures, for help.
let architectureNames = Ingot.models.map(\.id).joined(separator: ", ")
/// Which models the commands that need one understand: a sentence for their overviews.
let understoodModels = "Models understood: \(Ingot.models.map(\.title).joined(separator: ", "))."
