// SPDX-License-Identifier: Apache-2.0
// `ingot corpus`.
import ArgumentParser
import IngotBytes
import IngotReport

struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Make text to calibrate and evaluate with: without duplicates, and what heuristics reject.",
    discussion: """
      Documents come from files, the files of folders, and standard input (-): files that end in .jsonl or .ndjson have a \
      record a line, any other is one document, unless --split or --from says otherwise. They are read once, in order, and \
      texts are never changed. Of each the first of these decides: UTF-8, length, letters, repeated lines, markup, an \
      earlier document with the same bytes, an earlier kept one with nearly the same words.

      Near are documents that share --threshold of their shingles (runs of --shingle words), by MinHash: the share is \
      estimated by --permutations numbers, with a standard error of √(s(1 − s)/permutations), 0.035 at 0.8 by 128. Pairs \
      are compared that have a band of numbers in common: by the defaults 95 % of those at 0.8 and 99.9 % at 0.9. \
      docs/corpus.md has every definition.

      Memory: below 64 MiB, and 280 bytes a kept document by the defaults, 2.3 GB for 8 million; beside that half a \
      kilobyte each in a scratch file.

      EXAMPLES
        ingot corpus pages/ more.jsonl -o corpus.jsonl
        zcat dump.jsonl.gz | ingot corpus - --field content -o corpus.jsonl
        ingot corpus stories.txt --split '<|endoftext|>' -o stories.jsonl
        ingot corpus corpus.jsonl --take 512 -o calibration.txt
        ingot corpus verses/ --min-words 0 --exact-only --json
      """)

  /// The field of a record that has the text, unless another is named.
  private static let defaultField = "text"

  @Argument(
    help: ArgumentHelp("Files, folders, and - for standard input.", valueName: "path"), completion: .path)
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output: .jsonl, .txt, or - for standard output; without it, documents are only counted.",
      valueName: "file"), completion: .path)
  var output: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Write the decision on every document, a JSON object a line.", valueName: "file"),
    completion: .path)
  var list: String?

  @Option(name: .customLong("from"), help: "What inputs hold, whatever they are called.")
  var form: DocumentForm?

  @Option(name: .long, help: ArgumentHelp("The field of a record that has the text.", valueName: "name"))
  var field = TextArgument(Self.defaultField)

  @Option(name: .long, help: ArgumentHelp("Cut texts into documents where this stands.", valueName: "text"))
  var split: TextArgument?

  @Option(name: .customLong("to"), help: "The output's form, jsonl or text; without it, its extension tells.")
  var format: DocumentForm?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What stands between two documents of a .txt; without it, an empty line.", valueName: "text"))
  var separator: TextArgument?

  @Option(name: .long, help: ArgumentHelp("Stop when so many documents are kept.", valueName: "n"))
  var take: Int?

  @Flag(name: .long, help: "Replace an existing output.")
  var force = false

  @OptionGroup(title: "What is kept") var recipe: RecipeOptions
  @OptionGroup var scratch: ScratchOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if force, output == nil, list == nil {
      throw ValidationError("--force goes with -o or --list: nothing is replaced without them.")
    }
    if format != nil, output == nil {
      throw ValidationError("--to is the form of an output: name one by -o.")
    }
    if separator != nil {
      guard let output else { throw ValidationError("--separator goes with -o and a text's name.") }
      let isText = format.map { $0 == .text } ?? ["txt", "text"].contains(FilePath.fileExtension(of: output))
      guard isText else {
        throw ValidationError("--separator stands between documents of text, and the output is JSON Lines.")
      }
    }
    if let form, form != .jsonLines, field.text != Self.defaultField {
      throw ValidationError("--field is of records, which --from \(form.rawValue) has none of.")
    }
  }

  func run() throws {
    var settings = CorpusOptions()
    settings.recipe = recipe.recipe
    settings.documentForm = form
    settings.field = field.text
    settings.documentSeparator = split?.text ?? ""
    settings.format = format
    settings.separator = separator?.text ?? settings.separator
    settings.wantedCount = take
    settings.list = list
    settings.force = force
    settings.work.jobs = threads.jobs
    settings.work.scratchFolder = scratch.folder
    let start = Process.monotonicSeconds
    let report = try Ingot.corpus(inputs, to: output, options: settings, progress: global.progress)
    let seconds = Process.monotonicSeconds - start
    global.print(besides: output, json: { CorpusText.json(report) }) {
      CorpusText.lines(report, seconds: seconds, style: $0)
    }
  }
}

/// What is kept of documents.
struct RecipeOptions: ParsableArguments {
  private static let defaults = CorpusRecipe()
  private static let nearDefaults = NearDuplicates()

  @Option(name: .customLong("min-words"), help: ArgumentHelp("The fewest words.", valueName: "n"))
  var minimumWords = Self.defaults.minimumWords

  @Option(name: .customLong("max-words"), help: ArgumentHelp("The most words.", valueName: "n"))
  var maximumWords = Self.defaults.maximumWords

  @Option(
    name: .customLong("min-letters"),
    help: ArgumentHelp("The smallest share of letters among signs; 0 takes any.", valueName: "share"))
  var minimumLetters = Self.defaults.minimumLetterShare

  @Option(
    name: .customLong("max-repeated"),
    help: ArgumentHelp(
      "The largest share of lines that stand further up already; 1 takes any.", valueName: "share"))
  var maximumRepeated = Self.defaults.maximumRepeatedShare

  @Option(
    name: .customLong("max-markup"),
    help: ArgumentHelp(
      "The largest share of bytes in tags and character references; 1 takes any.", valueName: "share"))
  var maximumMarkup = Self.defaults.maximumMarkupShare

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The share of common shingles from which documents are near: 0.4 to 0.99.", valueName: "share"))
  var threshold = Self.nearDefaults.threshold

  @Option(name: .long, help: ArgumentHelp("Numbers of a signature: 16 to 1024.", valueName: "n"))
  var permutations = Self.nearDefaults.permutations

  @Option(name: .long, help: ArgumentHelp("Words of a shingle: 1 to 32.", valueName: "n"))
  var shingle = Self.nearDefaults.shingleWords

  @Option(name: .long, help: "What shingles are hashed with; sha1 is datasketch's own.")
  var hash = Self.nearDefaults.hash

  @Flag(name: .customLong("exact-only"), help: "Look for exact duplicates alone.")
  var isExactOnly = false

  func validate() throws {
    let nearOptions = [
      ("--threshold", threshold != Self.nearDefaults.threshold),
      ("--permutations", permutations != Self.nearDefaults.permutations),
      ("--shingle", shingle != Self.nearDefaults.shingleWords), ("--hash", hash != Self.nearDefaults.hash),
    ]
    if isExactOnly, let (option, _) = nearOptions.first(where: \.1) {
      throw ValidationError("\(option) is of near duplicates, which --exact-only does not look for.")
    }
  }

  /// The recipe as the library takes it.
  var recipe: CorpusRecipe {
    var recipe = CorpusRecipe()
    recipe.minimumWords = minimumWords
    recipe.maximumWords = maximumWords
    recipe.minimumLetterShare = minimumLetters
    recipe.maximumRepeatedShare = maximumRepeated
    recipe.maximumMarkupShare = maximumMarkup
    var near = NearDuplicates()
    near.threshold = threshold
    near.permutations = permutations
    near.shingleWords = shingle
    near.hash = hash
    recipe.nearDuplicates = isExactOnly ? nil : near
    return recipe
  }
}

/// Where scratch files go.
struct ScratchOptions: ParsableArguments {
  @Option(
    name: .customLong("scratch"),
    help: ArgumentHelp("Where the file of signatures goes.", valueName: "folder"), completion: .directory)
  var folder: String = WorkOptions.defaultScratchFolder
}

extension DocumentForm: ExpressibleByArgument {}
extension TextHash: ExpressibleByArgument {}
