// SPDX-License-Identifier: Apache-2.0
// What is asked for by naming the program that an output is made for.
import IngotCore
import IngotDialects

extension ConvertOptions {
  /// Sets what a program wants, where nothing else was asked for.
  ///
  /// - Parameters:
  ///   - program: the program.
  ///   - output: the output's path.
  /// - Returns: the output's path, as a folder's where the program loads one.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` beside another format or dialect, and for standard
  ///   output where a folder is wanted.
  public mutating func target(_ program: TargetProgram, output: String) throws(IngotError) -> String {
    for (option, value, own) in [
      (RequestOption.format, format, program.format), (.dialect, dialect, program.dialect),
    ] {
      guard value == nil || value == own else {
        throw .invalidRequest(option: option, why: "\(words: program.rawValue) reads \(words: own)")
      }
    }
    self.program = program
    format = program.format
    dialect = program.dialect
    guard program.wantsFolder, !output.hasSuffix("/") else { return output }
    guard output != "-" else {
      throw .invalidRequest(option: .program, why: "\(words: program.rawValue) loads a folder, not a stream")
    }
    return output + "/"
  }
}
