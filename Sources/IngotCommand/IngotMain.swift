// SPDX-License-Identifier: Apache-2.0
// The program's entry: parses, runs one command, and turns what it throws into one line and an exit code.
import ArgumentParser
import CIngotVersion
import IngotBytes
import IngotReport

@main
struct IngotMain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingot",
    abstract: "Convert, inspect, quantize and verify model checkpoints.",
    discussion: """
      Nothing changes unasked, and nothing is dropped in silence. `ingot COMMAND --help` shows examples, `ingot explain \
      RULE` what a rule that an error names says. -V is --version.
      """,
    version: versionLine,
    groupedSubcommands: [
      CommandGroup(
        name: "Look",
        subcommands: [
          InspectCommand.self, ShowCommand.self, ReportCommand.self, GraphCommand.self, DiffCommand.self,
          HashCommand.self,
          FormatsCommand.self, ExplainCommand.self,
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

  /// `ingot 0.1.0 (1f2e3d4c5b6a)`: name, version, and the commit where the build knew it.
  private static var versionLine: String {
    let commit = String(cString: ingot_commit())
    return "ingot 0.1.0" + (commit.isEmpty ? "" : " (\(commit))")
  }

  static func main() {
    Process.returnFreedMemory()
    Process.installSignalHandlers(
      lastWords: Terminal.lastWords,
      faultPieces: CommandLineWords.wantsJSON ? ErrorRenderer.mappingFaultPieces : nil)
    do {
      let arguments = Process.arguments
      var command = try parseAsRoot(arguments == ["-V"] ? ["--version"] : arguments)
      try RepeatedOption.refuse(in: arguments, of: command)
      try command.run()
    } catch {
      CommandFailure.end(with: error, parser: self)
    }
  }
}
