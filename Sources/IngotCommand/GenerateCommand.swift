// SPDX-License-Identifier: Apache-2.0
// `ingot generate`.
import ArgumentParser
import IngotReport

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a prompt, token by token.",
    discussion: """
      Takes the likeliest token each time. Prompt and result are token ids.

      \(understoodModels)

      EXAMPLES
        ingot generate gpt2/ --tokens 464,3290,318 --max-tokens 20
        ingot generate gpt2/ --tokens 464,3290 --max-tokens 1 --top 5
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.")
  var model: String

  @Option(name: .long, help: "The prompt's token ids: 1,2,3 or a .npy file.")
  var tokens: String

  @Option(name: .customLong("max-tokens"), help: "Tokens to add at the most.")
  var maximumCount = 16

  @Option(name: .long, help: "Show so many of the likeliest next tokens behind the prompt.")
  var top = 0

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The arithmetic; auto keeps weights as stored, with fp32 activations, reference is float64, and w8a8 quantizes activations where weights are int8."
    )
  )
  var precision: Precision = .auto

  @Option(help: "How keys and values of earlier tokens are kept; f16 takes half the memory.")
  var cache: CacheElement = .f32

  @OptionGroup var options: ModelOptions
  @OptionGroup var soundness: AllowanceOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard maximumCount >= 1, top >= 0 else {
      throw ValidationError("--max-tokens is at least 1, --top at least 0.")
    }
    if cache == .f16, precision == .reference {
      throw ValidationError("--cache f16: --precision reference keeps keys and values in float64.")
    }
  }

  func run() throws {
    var settings = GenerateOptions()
    settings.maximumCount = maximumCount
    settings.top = top
    settings.cache = cache
    settings.run = try RunOptions(precision, options, soundness, reading)
    let report = try Ingot.generate(model, tokens: tokens, options: settings)
    global.print(json: { GenerationText.json(report) }) { GenerationText.lines(report, style: $0) }
  }
}

extension CacheElement: ExpressibleByArgument {}
