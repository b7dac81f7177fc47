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

extension Precision: ExpressibleByArgument {}
