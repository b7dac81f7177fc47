// SPDX-License-Identifier: Apache-2.0
// `ingot zero-shot`.
import ArgumentParser
import IngotReport

struct ZeroShotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zero-shot",
    abstract: "Have a language model do a task from prompts alone.",
    discussion: """
      A task is a file of JSON Lines: {"prompt": …, "choices": […], "answer": 0}, or {"prompt": …, "expected": …}. Each \
      choice is scored by the log-likelihood of its tokens behind the prompt's; the likeliest is taken, and beside it the \
      likeliest for its bytes. Where a text is expected, the model goes on from the prompt, and its answer is held against \
      the text: exactly, and by F1 over words as SQuAD has it; --max-tokens and the options of drawing are for these alone. --template makes prompts of other fields in the forms of the \
      GPT-2 paper; --examples puts answered items before each. --min-accuracy makes it a check that exits with 1.

      TEMPLATES, with a line's fields in braces
      \(TaskTemplate.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      \(understoodModels)

      EXAMPLES
        ingot zero-shot gpt2/ --task questions.jsonl
        ingot zero-shot gpt2/ --task lambada.jsonl --template lambada
        ingot zero-shot gpt2/ --task qa.jsonl --examples pairs.jsonl --shots 5
        ingot zero-shot gpt2-int8.ingot --task questions.jsonl --min-accuracy 0.4
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Option(
    name: .long, help: ArgumentHelp("The task: JSON Lines, an item a line.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var task: String

  @Option(name: .long, help: ArgumentHelp("How a line becomes a prompt; see above.", valueName: "name"))
  var template = TaskTemplate.plain

  @Option(
    name: .long, help: ArgumentHelp("Answered items that stand before each prompt.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var examples: String?

  @Option(name: .long, help: "Take so many of the examples, from the file's start.")
  var shots: Int?

  @Option(
    name: .customLong("max-tokens"),
    help: "Tokens of a generated answer at the most; the template has its own.")
  var maximumCount: Int?

  @OptionGroup var sampling: SamplingArguments

  @Flag(name: .long, help: "Show each item.")
  var items = false

  @Option(name: .customLong("min-accuracy"), help: "Fail when fewer are right; a share from 0 to 1.")
  var minimumAccuracy: Double?

  @OptionGroup var running: RunArguments
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if let shots {
      guard examples != nil else { throw ValidationError("--shots goes with --examples.") }
      guard shots >= 0 else { throw ValidationError("--shots is at least 0.") }
    }
    if let maximumCount, maximumCount < 1 { throw ValidationError("--max-tokens is at least 1.") }
    if let minimumAccuracy, !(0...1).contains(minimumAccuracy) {
      throw ValidationError("--min-accuracy is a share from 0 to 1, such as 0.4.")
    }
  }

  func run() throws {
    var settings = ZeroShotOptions()
    settings.template = template
    (settings.examples, settings.exampleCount) = (examples, shots)
    settings.maximumCount = maximumCount
    settings.sampling = sampling.options
    settings.run = try running.options
    let report = try Ingot.zeroShot(model, task: task, options: settings, progress: global.progress)
    var missed: [String] = []
    if let minimumAccuracy, !(report.accuracy.share >= minimumAccuracy) {
      missed = ["the accuracy is \(report.accuracy.share), under --min-accuracy \(minimumAccuracy)"]
    }
    global.print(json: { ZeroShotText.json(report, missed: missed) }) {
      ZeroShotText.lines(report, showsItems: items, style: $0)
    }
    try global.fail(missed)
  }
}

extension TaskTemplate: ExpressibleByArgument {
  /// The template of a name.
  public init?(argument: String) {
    guard let template = Self.named(argument) else { return nil }
    self = template
  }

  /// Its name.
  public var defaultValueDescription: String { name }

  /// All names.
  public static var allValueStrings: [String] { all.map(\.name) }

  /// The same.
  public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
