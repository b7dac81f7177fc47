// SPDX-License-Identifier: Apache-2.0
// `ingot generate`.
import ArgumentParser
import IngotBytes
import IngotReport

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a prompt, token by token.",
    discussion: """
      With --prompt, the text that is added is written as it comes; the model's tokenizer stands inside or beside it, and \
      adds what it puts around a text. With --tokens, prompt and result are token ids; with --stop beside it, which asks for \
      the tokenizer too, the result is text. The likeliest token is taken each time, unless --temperature or one of --top-k, \
      --top-p and --min-p, which are done in this order, each as transformers defines it, or --seed asks for draws. It ends with --max-tokens, a token that ends a text by the configs, a --stop text, which is \
      not written, or the context.

      \(understoodModels)

      EXAMPLES
        ingot generate gpt2/ --prompt "In the beginning" --max-tokens 60
        ingot generate gpt2/ --prompt "Once" --temperature 0.8 --top-p 0.95 --seed 7
        ingot generate gpt2/ --prompt "And he said" --max-tokens 1 --top 5
        ingot generate gpt2/ --tokens 464,3290,318 --max-tokens 20
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Option(name: .long, help: "The text that is continued.")
  var prompt: TextArgument?

  @Option(name: .long, help: "Token ids that are continued: 1,2,3 or a .npy file.", completion: .path)
  var tokens: String?

  @Option(name: .customLong("max-tokens"), help: "Tokens to add at the most.")
  var maximumCount = 16

  @OptionGroup var sampling: SamplingArguments

  @Option(name: .customLong("stop"), help: ArgumentHelp("End at this text. Repeatable.", valueName: "text"))
  var stopTexts: [TextArgument] = []

  @Flag(name: .customLong("ignore-end"), help: "Go on behind tokens that end a text.")
  var ignoresEnd = false

  @Option(name: .long, help: "Show so many of the likeliest next tokens behind the prompt.")
  var top = 0

  @Option(help: "How keys and values of earlier tokens are kept; f16 takes half the memory.")
  var cache: CacheElement = .f32

  @OptionGroup var running: RunArguments
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (prompt == nil) != (tokens == nil) else {
      throw ValidationError("Give the prompt by --prompt TEXT or by --tokens IDS.")
    }
    guard maximumCount >= 1, top >= 0 else {
      throw ValidationError("--max-tokens is at least 1, --top at least 0.")
    }
    if cache == .f16, running.precision == .reference {
      throw ValidationError("--cache f16: --precision reference keeps keys and values in float64.")
    }
    if stopTexts.contains(where: \.text.isEmpty) {
      throw ValidationError("--stop takes a text that is not empty.")
    }
  }

  func run() throws {
    var settings = GenerateOptions()
    settings.maximumCount = maximumCount
    settings.sampling = sampling.options
    settings.stopTexts = stopTexts.map(\.text)
    settings.ignoresEnd = ignoresEnd
    settings.top = top
    settings.cache = cache
    settings.run = try running.options
    let stream = GeneratedOutput(isShown: !global.json && !global.quiet && top == 0)
    let report: GenerationReport
    do {
      report =
        if let prompt {
          try Ingot.generate(model, prompt: prompt.text, options: settings) { stream.write($0) }
        } else {
          try Ingot.generate(model, tokens: tokens ?? "", options: settings)
        }
    } catch {
      // What is said of it begins a line.
      if stream.hasWritten { stream.write("\n") }
      throw error
    }
    if stream.hasWritten {
      stream.write("\n")
    } else {
      global.print(json: { GenerationText.json(report) }) { style in
        GenerationText.candidates(report, style: style) + [report.text ?? GenerationText.ids(report)]
      }
    }
    if !global.json, !global.quiet,
      let note = GenerationText.note(report, style: Terminal.standardError.style)
    {
      Terminal.printError([note])
    }
  }
}

/// How the next token is chosen.
struct SamplingArguments: ParsableArguments {
  @Option(
    help: "Draw tokens by their probability, scores divided by this; 1 leaves them, 0 takes the likeliest.")
  var temperature: Double?

  @Option(name: .customLong("top-k"), help: "Draw from so many of the likeliest tokens.")
  var topK: Int?

  @Option(
    name: .customLong("top-p"), help: "Draw from the likeliest tokens that have this probability together.")
  var topP: Double?

  @Option(
    name: .customLong("min-p"),
    help: "Draw from tokens that have this share of the likeliest one's probability.")
  var minP: Double?

  @Option(
    name: .customLong("repetition-penalty"),
    help: "Make tokens that are there already less likely; above 1.")
  var repetitionPenalty: Double?

  @Option(help: "Draw, beginning with this number; equal seeds give equal texts.")
  var seed: UInt64?

  /// Whether something is asked for that only draws need.
  private var asksForDraws: Bool { topK != nil || topP != nil || minP != nil || seed != nil }

  /// The options as the library takes them.
  var options: SamplingOptions {
    var options = SamplingOptions()
    options.temperature = temperature == 0 ? nil : temperature ?? (asksForDraws ? 1 : nil)
    (options.topK, options.topP, options.minP) = (topK, topP, minP)
    options.repetitionPenalty = repetitionPenalty ?? 1
    options.seed = seed
    return options
  }

  func validate() throws {
    if let temperature, !(temperature >= 0 && temperature.isFinite) {
      throw ValidationError("--temperature is a number of at least 0.")
    }
    if temperature == 0, asksForDraws {
      throw ValidationError("--temperature 0 takes the likeliest token: nothing is drawn.")
    }
    if let topK, topK < 1 { throw ValidationError("--top-k is at least 1.") }
    if let topP, !(topP > 0 && topP <= 1) { throw ValidationError("--top-p is above 0, and at most 1.") }
    if let minP, !(0...1).contains(minP) { throw ValidationError("--min-p is a share from 0 to 1.") }
    if let repetitionPenalty, !(repetitionPenalty > 0 && repetitionPenalty.isFinite) {
      throw ValidationError("--repetition-penalty is a number above 0.")
    }
  }
}

/// Text that is written as it comes, to a terminal without what it would obey.
private final class GeneratedOutput {
  private let isShown: Bool
  private let isTerminal = Terminal.standardOutput.isTerminal
  private let output = StandardOutput()
  private var offset = 0

  init(isShown: Bool) { self.isShown = isShown }

  /// Whether something has been written.
  var hasWritten: Bool { offset > 0 }

  func write(_ text: String) {
    guard isShown else { return }
    let bytes = Array((isTerminal ? PrintableText.withoutControls(text) : text).utf8)
    Terminal.write(bytes, at: offset, to: output)
    offset += bytes.count
  }
}

extension CacheElement: ExpressibleByArgument {}
