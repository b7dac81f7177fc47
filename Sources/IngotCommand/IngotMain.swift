// SPDX-License-Identifier: Apache-2.0
// The program's entry.
import ArgumentParser

@main
struct IngotMain: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "ingot", version: "0.1.0")
}
