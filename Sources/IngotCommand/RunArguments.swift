// SPDX-License-Identifier: Apache-2.0
// What all commands that run a model ask alike.
import ArgumentParser
import IngotReport

/// How a model is opened.
struct LoadArguments: ParsableArguments {
  @OptionGroup var model: ModelOptions
  @OptionGroup var soundness: AllowanceOptions
  @OptionGroup var reading: ReadingOptions

  /// The options as the library takes them.
  func options(_ precision: Precision) throws -> RunOptions {
    try RunOptions(precision, model, soundness, reading)
  }
}

/// How a model is opened and run.
struct RunArguments: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The arithmetic; auto keeps weights as stored, with fp32 activations, reference is float64, and w8a8 quantizes activations where weights are int8."
    )
  )
  var precision: Precision = .auto

  @OptionGroup var loading: LoadArguments

  /// The options as the library takes them.
  var options: RunOptions { get throws { try loading.options(precision) } }
}

/// The text, or the tokens, that a model runs on.
struct TextArguments: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("A text; the model's tokenizer stands inside or beside it.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var text: String?

  @Option(name: .long, help: "Token ids instead: 1,2,3 or a .npy file with one dimension.", completion: .path)
  var tokens: String?

  /// Throws unless there is one of the two.
  func requireOne() throws {
    guard (text == nil) != (tokens == nil) else {
      throw ValidationError("Give a text by --text FILE, or tokens by --tokens IDS.")
    }
  }
}

extension Precision: ExpressibleByArgument {}
