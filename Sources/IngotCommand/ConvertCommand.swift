// SPDX-License-Identifier: Apache-2.0
// `ingot convert`.
import ArgumentParser
import IngotBytes
import IngotReport

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Turn a checkpoint into another format or dtype.",
    discussion: """
      Bit-exact unless --dtype is given. The output appears whole or not at all; what is lost is said. Any checkpoint is \
      converted; --dialect, --for, --tie and --untie need a model that is understood. \(understoodModels)

      EXAMPLES
        ingot convert model.safetensors model.npz
        ingot convert gpt2/ gpt2-bf16/ --dtype bf16 --shard-size 500MB
        ingot convert gpt2/ gpt2-mixed/ --dtype bf16 --dtype '*ln_*=f32'
        ingot convert model.npz model.ingot --check
        ingot convert gpt2/ gpt2.gguf --for llama.cpp
        ingot convert llama/ meta/ --for meta --model-parallel 2
        ingot convert gpt2.pt gpt2.npz --dialect openai
        ingot convert model.pt model.safetensors --rename 'module.*=*'
        ingot convert model.pt model.safetensors --rename-file names.txt
        ingot convert model.safetensors - --to safetensors --include 'h.0.*' | wc -c
        gunzip -c model.safetensors.gz | ingot convert - model.npz
      """)

  @Argument(
    help: "The checkpoint: a file, a shard index, a folder, or - for standard input.", completion: .path)
  var input: String

  @Argument(
    help:
      "The output: a file, a folder (ends in /), or - for standard output (safetensors, gguf, ingot, npy, llmc, llama2c).",
    completion: .path)
  var output: String

  @OptionGroup var writing: WritingOptions

  @Option(
    name: .long,
    help: "Whose names and layouts the model gets: \(dialectNames); or keep.",
    completion: .dialectsAndKeep)
  var dialect: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Rename tensors; what a * stands for is taken over. Repeat as needed, the first that fits holds.",
      valueName: "old=new"))
  var rename: [String] = []

  @Option(
    name: .customLong("rename-file"),
    help: ArgumentHelp(
      "The same in a text, OLD=NEW a line, behind those of --rename; a line that begins with # is none.",
      valueName: "file"), completion: .path, transform: wholeFile)
  var renameFile: String?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "Make what a program loads, its format, names, layouts and config in one word.", valueName: "program"))
  var program: TargetProgram?

  @Option(
    name: .customLong("model-parallel"),
    help: ArgumentHelp(
      "Cut the model for so many processors, a file for each, as Meta's code loads it (--for meta).",
      valueName: "count"))
  var modelParallel: Int?

  @Option(
    name: .customLong("embedding-cut"),
    help:
      "How --model-parallel cuts the token embedding: columns for Llama 1 and 2, rows for Llama 3. Without it, the set that is read, or the model, tells."
  )
  var embeddingCut: EmbeddingCut?

  @Flag(name: .long, help: "Store no copy of a head that is, or equals, the token embedding.")
  var tie = false

  @Flag(name: .long, help: "Store a tied head as a tensor of its own.")
  var untie = false

  @OptionGroup var model: ModelOptions
  @OptionGroup var selection: SelectionOptions

  @Flag(
    name: .long, help: "Say what would be done, and do nothing; what stands at the output is not looked at.")
  var plan = false

  @Flag(
    name: .long,
    help: "Go on with what a killed run of the same command has left; when interrupted, keep what is done.")
  var resume = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    let conversion = try Conversion(input, to: output, options: options())
    guard writing.onOverflow == nil || !writing.dtype.isEmpty || conversion.castsValues else {
      throw IngotError.invalidRequest(option: .onOverflow, why: "no value is cast without --dtype")
    }
    guard !plan else {
      return show {
        ConversionText.plan(conversion.report, style: $0)
      } report: {
        conversion.report
      }
    }
    let start = Process.monotonicSeconds
    let report = try conversion.run(progress: global.progress)
    let seconds = Process.monotonicSeconds - start
    show {
      ConversionText.lines(report, seconds: seconds, style: $0)
    } report: {
      report
    }
  }

  func validate() throws {
    if tie, untie { throw ValidationError("--tie and --untie exclude each other.") }
  }

  /// Prints a report, of a plan or of what has been written.
  private func show(text: (TextStyle) -> [String], report: () -> ConversionReport) {
    global.print(besides: plan ? nil : output, json: { JSONText.conversion(report()) }, text: text)
  }

  private func options() throws -> ConvertOptions {
    var options = ConvertOptions()
    try writing.set(&options)
    options.selection = selection.selection
    (options.dialect, options.program) = (dialect, program)
    (options.modelParallelCount, options.embeddingCut) = (modelParallel, embeddingCut)
    options.config = model.config
    options.head = tie ? .tie : untie ? .untie : .asIs
    options.renames = try rename.map { (rule) throws(IngotError) in try TensorRename(rule) }
    if let renameFile { options.renames += try TensorRename.rules(at: renameFile) }
    options.resumes = resume
    options.work = reading.work(threads)
    options.reading = try reading.options()
    return options
  }
}

extension TargetProgram: ExpressibleByArgument {
  /// Reads a program's name in any case.
  public init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}
extension EmbeddingCut: ExpressibleByArgument {}
