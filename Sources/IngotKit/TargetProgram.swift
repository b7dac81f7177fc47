// SPDX-License-Identifier: Apache-2.0
// `--for PROGRAM`: format, dialect and shape of an output that a program loads, in one word.
import IngotBytes
import IngotCore

/// A program that an output is made for.
public enum TargetProgram: String, CaseIterable, Hashable, Sendable {
  case transformers
  case llamaCpp = "llama.cpp"
  case mlx
  case llmc = "llm.c"
  case openAI = "openai"
  case nanoGPT = "nanogpt"
  case numpy

  /// The id of the format that it reads.
  public var format: String {
    switch self {
    case .transformers, .mlx: "safetensors"
    case .llamaCpp: "gguf"
    case .llmc: "llmc"
    case .openAI: "tensorflow"
    case .nanoGPT: "pytorch"
    case .numpy: "npz"
    }
  }

  /// The id of the dialect that it reads.
  public var dialect: String {
    switch self {
    case .transformers, .numpy: "hf"
    case .llamaCpp: "gguf"
    case .mlx: "mlx"
    case .llmc: "llmc"
    case .openAI: "openai"
    case .nanoGPT: "nanogpt"
    }
  }

  /// Whether it loads a folder of weights and config, and not a file.
  public var wantsFolder: Bool {
    switch self {
    case .transformers, .mlx, .openAI: true
    case .llamaCpp, .llmc, .nanoGPT, .numpy: false
    }
  }
}

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
    for (option, value, own) in [("--to", format, program.format), ("--dialect", dialect, program.dialect)] {
      guard value == nil || value == own else {
        throw .invalidRequest(option: option, why: "\(words: program.rawValue) reads \(words: own)")
      }
    }
    self.program = program
    format = program.format
    dialect = program.dialect
    guard program.wantsFolder, !output.hasSuffix("/") else { return output }
    guard output != "-" else {
      throw .invalidRequest(option: "--for", why: "\(words: program.rawValue) loads a folder, not a stream")
    }
    return output + "/"
  }
}
