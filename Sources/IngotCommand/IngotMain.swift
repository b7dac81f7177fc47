// SPDX-License-Identifier: Apache-2.0
// The program's entry: parses, runs one command, and turns what it throws into one line and an exit code.
import ArgumentParser
import IngotBytes
import IngotReport

@main
struct IngotMain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingot",
    abstract: "Convert, inspect, quantize and verify model checkpoints.",
    discussion: """
      Nothing changes unasked, and nothing is dropped in silence. `ingot COMMAND --help` shows examples.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Look",
        subcommands: [
          InspectCommand.self, ShowCommand.self, ReportCommand.self, GraphCommand.self, DiffCommand.self,
          HashCommand.self,
          FormatsCommand.self,
        ]),
      CommandGroup(
        name: "Change",
        subcommands: [
          ConvertCommand.self, QuantizeCommand.self, MergeCommand.self, EditCommand.self, InitCommand.self,
        ]),
      CommandGroup(
        name: "Prove",
        subcommands: [
          ValidateCommand.self, VerifyCommand.self, RecordCommand.self, EvalCommand.self,
          SensitivityCommand.self,
        ]),
      CommandGroup(
        name: "Use",
        subcommands: [
          GenerateCommand.self, ZeroShotCommand.self, TokenizeCommand.self, DetokenizeCommand.self,
          CorpusCommand.self,
        ]),
    ]
  )

  static func main() {
    Process.returnFreedMemory()
    Process.installSignalHandlers(lastWords: Terminal.lastWords)
    do {
      var command = try parseAsRoot(Process.arguments)
      try command.run()
    } catch {
      CommandFailure.end(with: error, parser: self)
    }
  }
}
