// SPDX-License-Identifier: Apache-2.0
// The built `ingot`, run as a user runs it.
import Foundation

/// The program under test.
package enum IngotProgram {
  /// No program was built beside the tests.
  package struct NotFound: Error, CustomStringConvertible {
    /// Where it should be.
    package let path: String
    package var description: String {
      "there is no \(path): build it with the tests, by `swift build -c release --build-tests`"
    }
  }

  /// The path of the built program: beside the test bundle.
  package static func path() throws -> String { try path(named: "ingot") }

  /// The path of another program that was built beside the tests.
  package static func path(named name: String) throws -> String {
    let path = buildFolder + "/" + name
    guard FileManager.default.isExecutableFile(atPath: path) else { throw NotFound(path: path) }
    return path
  }

  /// The folder that the tests were built into.
  private static let buildFolder: String = {
    let arguments = CommandLine.arguments
    let option = arguments.firstIndex(of: "--test-bundle-path")
    let bundle = option.map { arguments.index(after: $0) }.flatMap {
      arguments.indices.contains($0) ? arguments[$0] : nil
    }
    let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: bundle ?? executable).deletingLastPathComponent().path
  }()

  /// Describes a run of the program; change what the test needs, then `run()` it.
  package static func process(_ arguments: [String]) throws -> ChildProcess {
    ChildProcess(try path(), arguments)
  }

  /// Runs the program to its end, without standard input.
  ///
  /// - Parameters:
  ///   - arguments: the command and its options.
  ///   - folder: the folder to run in.
  /// - Returns: what it wrote and how it ended.
  /// - Throws: ``NotFound``, and ``ChildProcess/Failure`` when it does not end in time.
  package static func run(_ arguments: String..., in folder: String? = nil) throws -> ProcessResult {
    var process = try process(arguments)
    process.folder = folder
    return try process.run()
  }
}
