// SPDX-License-Identifier: Apache-2.0
// Standard output and error: what they are connected to, and writing to them whole.
import IngotBytes
import IngotReport

/// One of the standard streams.
struct Terminal {
  private let descriptor: Int32

  static let standardOutput = Terminal(descriptor: 1)
  static let standardError = Terminal(descriptor: 2)

  /// Whether a person reads it.
  var isTerminal: Bool { columns != nil }

  /// Its width, when it is a terminal.
  var columns: Int? { Process.terminalColumns(of: descriptor) }

  /// Colour as `--color` says; without it on a terminal, unless `NO_COLOR` is set.
  var style: TextStyle {
    let isPlain = !(Process.environment("NO_COLOR") ?? "").isEmpty || Process.environment("TERM") == "dumb"
    let usesColor =
      switch CommandLineWords.color {
      case .auto: isTerminal && !isPlain
      case .always: true
      case .never: false
      }
    return TextStyle(usesColor: usesColor, columns: columns)
  }

  /// What is said of an interrupt, whatever is shown meanwhile on a terminal's last line.
  static var lastWords: String {
    let line =
      CommandLineWords.wantsJSON ? ErrorRenderer.json(.interrupted) : ErrorRenderer.line(.interrupted) + "\n"
    return standardError.isTerminal ? "\r\u{1B}[K" + line : line
  }

  /// Prints a command's result.
  ///
  /// A reader that has gone ends the program quietly.
  static func printOutput(_ text: String) { write(PathText.bytes(of: text), at: 0, to: StandardOutput()) }

  /// Prints a result that is made a piece at a time.
  ///
  /// - Parameter make: makes the text, and gives each piece away.
  static func stream(_ make: ((String) throws(IngotError) -> Void) throws(IngotError) -> Void) {
    do throws(IngotError) {
      let output = StreamedOutput(StandardOutput())
      try make { (text) throws(IngotError) in try output.write(PathText.bytes(of: text)) }
      try output.flush()
    } catch {
      CommandFailure.end(with: error, parser: IngotMain.self)
    }
  }

  /// Writes the next bytes of a result, behind so many others.
  static func write(_ bytes: [UInt8], at offset: Int, to output: StandardOutput) {
    do throws(IngotError) {
      try output.write(bytes, at: offset)
    } catch {
      CommandFailure.end(with: error, parser: IngotMain.self)
    }
  }

  /// Prints lines of a result.
  static func printOutput(_ lines: [String]) {
    printOutput(lines.joined(separator: "\n") + "\n")
  }

  /// Prints lines for people beside the result.
  static func printError(_ lines: [String]) {
    printError(lines.joined(separator: "\n") + "\n")
  }

  /// Writes text to standard error; a failure there has nowhere to be told.
  static func printError(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      _ = try? LiveSystem().write(2, from: UnsafeRawBufferPointer(bytes))
    }
  }
}
