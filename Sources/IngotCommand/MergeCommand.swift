// SPDX-License-Identifier: Apache-2.0
// `ingot merge`.
import ArgumentParser
import IngotBytes
import IngotReport

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge adapters into their base, or models into one.",
    discussion: """
      ADAPTERs are LoRA adapters as PEFT writes them; they are merged one after the other, as merge_and_unload does. \
      --linear adds models up, each times its weight; --task-vector adds to BASE a model's difference from it, times its \
      weight. All is computed in float64 and rounded once to the dtypes of BASE, or of the first model. Names, metadata, config \
      and tokenizer are those of BASE too; any checkpoint is merged, whatever model it is. What is not merged is refused by \
      its name.

      EXAMPLES
        ingot merge llama/ llama-lora/ llama-merged/
        ingot merge llama/ lora-a/ lora-b/ merged/ --weight 1 --weight 0.5
        ingot merge --linear a/=0.5 --linear b/=0.5 average/
        ingot merge base/ --task-vector tuned/=0.7 out/
        ingot merge base/ --task-vector tuned/=-1 forgotten.safetensors --dtype bf16
      """)

  @Argument(
    help: ArgumentHelp("The base, its adapters, and the output at last.", valueName: "path"),
    completion: .path)
  var paths: [String]

  @Option(
    name: .customLong("weight"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "What an adapter's change is multiplied by; one for each adapter.", valueName: "number"))
  var weights: [Double] = []

  @Option(
    name: .customLong("linear"),
    help: ArgumentHelp("Add up models, each times its weight. Repeatable.", valueName: "path=weight"),
    completion: .path)
  var linear: [String] = []

  @Option(
    name: .customLong("task-vector"),
    help: ArgumentHelp(
      "Add to the base a model's difference from it, times a weight. Repeatable.", valueName: "path=weight"),
    completion: .path)
  var taskVectors: [String] = []

  @OptionGroup var writing: WritingOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    let (recipe, output) = try recipe()
    let start = Process.monotonicSeconds
    let report = try Ingot.merge(recipe, to: output, options: options(), progress: global.progress)
    let seconds = Process.monotonicSeconds - start
    global.print(besides: output, json: { MergeText.json(report) }) {
      MergeText.lines(report, seconds: seconds, style: $0)
    }
  }

  func validate() throws {
    if !linear.isEmpty, !taskVectors.isEmpty {
      throw ValidationError("--linear and --task-vector exclude each other.")
    }
    if !weights.isEmpty, !linear.isEmpty || !taskVectors.isEmpty {
      throw ValidationError("--weight is for adapters; models have theirs behind a =.")
    }
    switch (linear.isEmpty, taskVectors.isEmpty) {
    case (false, _) where paths.count != 1:
      throw ValidationError("With --linear the output alone is named; the models are the option's.")
    case (_, false) where paths.count != 2:
      throw ValidationError("With --task-vector the base and the output are named.")
    case (true, true) where paths.count < 3:
      throw ValidationError(
        "Name the base, at least one adapter, and the output; or use --linear or --task-vector.")
    case (true, true) where !weights.isEmpty && weights.count != paths.count - 2:
      throw ValidationError(
        "There are \(paths.count - 2) adapters and \(weights.count) weights: give one for each, or none.")
    default: break
    }
  }

  /// What is merged, and where it goes.
  private func recipe() throws(IngotError) -> (MergeRecipe, output: String) {
    let output = paths.last ?? ""
    if !linear.isEmpty {
      return (.linear(try linear.map { (text) throws(IngotError) in try input(text, .linear) }), output)
    }
    let base = paths.first ?? ""
    if !taskVectors.isEmpty {
      let models = try taskVectors.map { (text) throws(IngotError) in try input(text, .taskVectors) }
      return (.taskVectors(models, base: base), output)
    }
    let adapters = paths.dropFirst().dropLast().enumerated().map { index, path in
      WeightedInput(path, weight: weights.isEmpty ? 1 : weights[index])
    }
    return (.adapters(adapters, base: base), output)
  }

  /// A path with its weight.
  private func input(_ text: String, _ option: RequestOption) throws(IngotError) -> WeightedInput {
    guard let (path, number) = text.divided(at: "=", last: true), !path.isEmpty, let weight = Double(number)
    else { throw .invalidRequest(option: option, why: "\(text) is not of the form PATH=WEIGHT") }
    return WeightedInput(path, weight: weight)
  }

  private func options() throws -> MergeOptions {
    var options = MergeOptions()
    try writing.set(&options)
    options.work = reading.work(threads)
    options.reading = try reading.options()
    return options
  }
}
