// SPDX-License-Identifier: Apache-2.0
// `ingot formats`.
import ArgumentParser
import IngotReport

struct FormatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats",
    abstract: "List the formats that are read and written.",
    discussion: """
      EXAMPLE
        ingot formats
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.print(json: { FormatsText.json() }) { FormatsText.lines(style: $0) }
  }
}
