// SPDX-License-Identifier: Apache-2.0
// `ingot verify`.
import ArgumentParser
import IngotReport

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Say whether a model still gives the numbers it should.",
    discussion: """
      Runs the model and compares its outputs with a fixtures file, or with another model in float64. Exits with 1 when \
      an output is beyond the tolerance: 1e-10 for reference (1e-6 for fixtures in F32), 2e-5 for fp32, 3e-2 for bf16, \
      1e-1 for w8a8. Gradients, which llm.c's debug state has, are computed in float64 for reference, else in fp32.

      \(understoodModels)

      EXAMPLES
        ingot verify gpt2.npz --config gpt2/config.json --fixtures expected.npz
        ingot verify gpt2/ --fixtures expected.npz --precision reference
        ingot verify int8.ingot --against gpt2/ --nodes --tolerance 1e-2
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Inputs and expected outputs: what `ingot record` writes, or llm.c's debug state.", valueName: "file"),
    completion: .path)
  var fixtures: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A model whose float64 outputs are expected, on the inputs of --fixtures where they are given; --config is for it too where it has no config of its own.",
      valueName: "model"), completion: .path)
  var against: String?

  @Option(name: .long, help: "Token ids to compare two models on: 1,2,3 or a .npy file.", completion: .path)
  var tokens: String?

  @Option(name: .long, help: "The largest difference that passes, relative to the largest expected value.")
  var tolerance: Double?

  @Flag(name: .long, help: "Compare every node, to find the first that parts.")
  var nodes = false

  @Option(
    name: .long,
    help: "The seed of made-up token ids, when two models are compared without tokens (default: 1).")
  var seed: UInt64?

  @OptionGroup var running: RunArguments
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if let tolerance, !(tolerance >= 0) { throw ValidationError("The tolerance is a number of at least 0.") }
    if tokens != nil, against == nil { throw ValidationError("--tokens goes with --against.") }
    if tokens != nil, fixtures != nil {
      throw ValidationError(
        "--tokens and --fixtures exclude each other: both say what the models are run on.")
    }
    if seed != nil, against == nil || tokens != nil || fixtures != nil {
      throw ValidationError(
        "--seed makes up token ids for --against, where neither --tokens nor --fixtures gives any.")
    }
    if nodes, against == nil, running.precision == .reference {
      throw ValidationError("--nodes compares with float64, which --precision reference is already.")
    }
  }

  func run() throws {
    var settings = VerifyOptions()
    settings.fixtures = fixtures
    settings.against = against
    settings.tokens = tokens
    settings.tolerance = tolerance
    settings.comparesNodes = nodes
    settings.seed = seed ?? settings.seed
    settings.run = try running.options
    let report = try Ingot.verify(model, options: settings)
    global.print(json: { VerificationText.json(report) }) { VerificationText.lines(report, style: $0) }
    if !report.passed { throw CheckFailed() }
  }
}
