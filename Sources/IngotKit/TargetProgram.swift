// SPDX-License-Identifier: Apache-2.0
// What is asked for by naming the program that an output is made for.
import IngotCore
import IngotDialects
import IngotGraph
import IngotModels

extension ConvertOptions {
  /// Sets what the program wants, if one is named, where nothing else was asked for.
  ///
  /// - Parameter output: the output's path.
  /// - Returns: the output's path, as a folder's where the program loads one.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` beside another format or dialect, and for standard
  ///   output where a folder is wanted.
  mutating func applyProgram(to output: String) throws(IngotError) -> String {
    guard let program else { return output }
    for (option, value, own) in [
      (RequestOption.format, format, program.formats), (.dialect, dialect, [program.dialect]),
    ] {
      guard let value, !own.contains(value) else { continue }
      throw .invalidRequest(
        option: option, why: "\(words: program.rawValue) reads \(words: own.joined(separator: " or "))")
    }
    if program.formats.count == 1 { format = program.formats.first }
    dialect = program.dialect
    guard program.wantsFolder, !output.hasSuffix("/") else { return output }
    guard output != "-" else {
      throw .invalidRequest(option: .program, why: "\(words: program.rawValue) loads a folder, not a stream")
    }
    return output + "/"
  }

  /// The options with the format that the program reads this model from, where that depends on the architecture.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` beside another format, and the errors of reading a
  ///   config.
  func settled(for source: Checkpoint, at path: String) throws(IngotError) -> ConvertOptions {
    guard let program, program.formats.count > 1 else { return self }
    let architecture = try Model.configuration(of: source, at: path, config: config, work: work).0
      .architecture
    let own = program.format(for: architecture.id)
    guard format == nil || format == own else {
      throw .invalidRequest(
        option: .format,
        why: "\(words: program.rawValue) reads \(words: architecture.title) from \(words: own)")
    }
    var options = self
    options.format = own
    return options
  }
}
