// SPDX-License-Identifier: Apache-2.0
// What is asked for by naming the program that an output is made for.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotModels
import IngotOutput
import IngotQuantization

extension ConvertOptions {
  /// Sets what the program wants, if one is named, where nothing else was asked for.
  ///
  /// - Parameter output: the output's path.
  /// - Returns: the output's path, as a folder's where the program loads one.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` beside another format or dialect, and for standard
  ///   output or a file's name where a folder is wanted.
  mutating func applyProgram(to output: String) throws(IngotError) -> String {
    guard let program else { return output }
    guard TargetProgram.allCases.contains(program) else {
      throw .invalidRequest(
        option: .program,
        why:
          "\(words: program.rawValue) loads what \(option: .program, "transformers") makes; \(verb: .quantize) makes integers for it"
      )
    }
    for (option, value, own) in [
      (RequestOption.format, format, program.formats), (.dialect, dialect, [program.dialect]),
    ] {
      guard let value, !own.contains(value) else { continue }
      throw .invalidRequest(
        option: option, why: "\(words: program.rawValue) reads \(words: own.joined(separator: " or "))")
    }
    if program.formats.count == 1 {
      if format == nil, let own = program.formats.first { try program.requireName(output, of: own) }
      format = program.formats.first
    }
    dialect = program.dialect
    return program.wantsFolder ? try program.folder(output, work.system) : output
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

extension TargetProgram {
  /// Throws for a file whose name is that of other formats only: nothing would tell what it holds.
  ///
  /// - Parameters:
  ///   - output: its path.
  ///   - format: the id of the program's format.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  fileprivate func requireName(_ output: String, of format: String) throws(IngotError) {
    let claimed = FormatRegistry.formats(forExtension: FilePath.fileExtension(of: output)).map(\.id)
    guard !wantsFolder, !output.hasSuffix("/"), !claimed.isEmpty, !claimed.contains(format) else { return }
    throw .invalidRequest(
      option: .program,
      why:
        "\(words: rawValue) reads \(words: format), and \(FilePath.name(of: output)) is a name of \(words: claimed.joined(separator: " or "))"
    )
  }
}

extension TargetProgram {
  /// The path of the folder that it loads; a name that is a file's is refused.
  ///
  /// - Parameters:
  ///   - output: the output's path.
  ///   - system: the operating system.
  /// - Returns: the path, with a slash at its end.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  fileprivate func folder(_ output: String, _ system: any SystemCalls) throws(IngotError) -> String {
    if output.hasSuffix("/") { return output }
    guard output != "-" else {
      throw .invalidRequest(option: .program, why: "\(words: rawValue) loads a folder, not a stream")
    }
    let status = try? system.status(at: output, followingLinks: true)
    guard status?.kind == .folder || (status == nil && !OutputDestination.isNamedAsFile(output)) else {
      let name = FilePath.name(of: output)
      throw .invalidRequest(
        option: .program,
        why:
          "\(words: rawValue) loads a folder, not \(name), a file; name a folder, such as \(FilePath.stem(of: name) + "/")"
      )
    }
    return output + "/"
  }
}

extension QuantizationScheme {
  /// The scheme of weights where none is asked for.
  ///
  /// - Parameter program: the program that the output is for; `nil` where none is named.
  /// - Returns: blocks for llama.cpp, which has no int8; else int8.
  package static func implied(by program: TargetProgram?) -> QuantizationScheme {
    program == .llamaCpp ? .q80 : .int8
  }
}

extension QuantizeOptions {
  /// The program that a folder of compressed-tensors is for; `nil` for other outputs.
  var compressedProgram: TargetProgram? {
    program.flatMap { [TargetProgram.transformers, .vllm].contains($0) ? $0 : nil }
  }

  /// Sets the format that the program wants, if one is named.
  ///
  /// - Parameter output: the output's path.
  /// - Returns: the output's path, as a folder's where the program loads one.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a program that loads no integers, beside another
  ///   format or a type of scales, and where a folder is wanted and a file named.
  mutating func applyProgram(to output: String) throws(IngotError) -> String {
    guard let program else { return output }
    let own = program == .llamaCpp ? "gguf" : program == .ctranslate2 ? "ctranslate2" : "safetensors"
    guard program == .llamaCpp || program == .ctranslate2 || compressedProgram != nil else {
      let other: Evidence =
        program == .llama2c
        ? "; \(option: .format, "llama2c") with \(option: .scheme, "q8_0") makes the version that runq loads"
        : ""
      throw .invalidRequest(
        option: .program,
        why:
          "\(words: program.rawValue) loads no int8; transformers, vllm, llama.cpp and ctranslate2 do\(other)"
      )
    }
    guard format == nil || format?.lowercased() == own else {
      throw .invalidRequest(option: .format, why: "\(words: program.rawValue) reads \(words: own)")
    }
    if format == nil { try program.requireName(output, of: own) }
    format = own
    guard program != .llamaCpp else { return output }
    guard scaleDType == nil else {
      throw .invalidRequest(
        option: .scaleDType,
        why: program == .ctranslate2
          ? "\(words: program.rawValue) has scales in F32"
          : "\(words: program.rawValue) has scales in the dtype of the weights that were quantized")
    }
    return try program.folder(output, work.system)
  }
}
