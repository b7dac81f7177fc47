// SPDX-License-Identifier: Apache-2.0
// `--for PROGRAM`: format, dialect and shape of an output that a program loads, in one word.
import IngotCore

/// A program that an output is made for.
public struct TargetProgram: RawRepresentable, CaseIterable, Hashable, Sendable {
  /// What it is called.
  public let rawValue: String
  /// The id of the format that it reads, but for architectures whose dialect has a format of its own.
  private let format: String
  /// The id of the dialect that it reads.
  package let dialect: String
  /// Whether it loads a folder of weights and config, and not a file.
  package let wantsFolder: Bool
  /// What a file of a format of its own says for it: which version it is to be.
  package let said: Metadata.Entry?

  /// What it wants the weight file of a folder to be called; `nil` for what libraries look for in its format.
  package let weightFileName: String?

  private init(
    _ name: String, format: String, dialect: String, wantsFolder: Bool, weightFileName: String? = nil,
    said: Metadata.Entry? = nil
  ) {
    self.weightFileName = weightFileName
    self.said = said
    rawValue = name
    self.format = format
    self.dialect = dialect
    self.wantsFolder = wantsFolder
  }

  /// The id of the format that it reads an architecture from.
  ///
  /// - Parameter architecture: the architecture's id.
  /// - Returns: the format's id.
  package func format(for architecture: String) -> String {
    Dialect.named(dialect, architecture: architecture)?.ownFormat ?? format
  }

  /// The ids of all formats that it reads.
  package var formats: [String] {
    var ids = [format]
    for dialect in Dialect.all where dialect.id == self.dialect {
      if let own = dialect.ownFormat, !ids.contains(own) { ids.append(own) }
    }
    return ids
  }

  /// Whether it loads models that are cut for several processors.
  package var loadsCutModels: Bool {
    Dialect.all.contains { $0.id == dialect && $0.embeddingCut != nil }
  }

  /// The program of a name.
  public init?(rawValue: String) {
    guard let program = (Self.allCases + [.vllm]).first(where: { $0.rawValue == rawValue }) else {
      return nil
    }
    self = program
  }

  /// Hugging Face's transformers.
  public static let transformers = Self(
    "transformers", format: "safetensors", dialect: "hf", wantsFolder: true)
  /// vLLM, which integers are quantized for; numbers it reads as transformers does.
  public static let vllm = Self("vllm", format: "safetensors", dialect: "hf", wantsFolder: true)
  /// llama.cpp.
  public static let llamaCpp = Self("llama.cpp", format: "gguf", dialect: "gguf", wantsFolder: false)
  /// Apple's mlx-lm.
  public static let mlx = Self("mlx", format: "safetensors", dialect: "mlx", wantsFolder: true)
  /// Karpathy's llm.c.
  public static let llmc = Self("llm.c", format: "llmc", dialect: "llmc", wantsFolder: false)
  /// Karpathy's llama2.c, whose `run` reads version 0 of its files and no other.
  public static let llama2c = Self(
    "llama2.c", format: "llama2c", dialect: "llama2c", wantsFolder: false,
    said: Metadata.Entry(key: "llama2c.version", value: .int32(0)))
  /// OpenAI's code of 2018 and 2019.
  public static let openAI = Self("openai", format: "tensorflow", dialect: "openai", wantsFolder: true)
  /// Karpathy's nanoGPT.
  public static let nanoGPT = Self("nanogpt", format: "pytorch", dialect: "nanogpt", wantsFolder: false)
  /// Google's code of BERT.
  public static let googleBERT = Self(
    "google", format: "tensorflow", dialect: "google", wantsFolder: true)
  /// Meta's code of Llama.
  public static let meta = Self(
    "meta", format: "pytorch", dialect: "meta", wantsFolder: true, weightFileName: "consolidated.00.pth")
  /// Mistral AI's code.
  public static let mistral = Self(
    "mistral", format: "safetensors", dialect: "mistral", wantsFolder: true,
    weightFileName: "consolidated.safetensors")
  /// OpenNMT's CTranslate2, whose names no dialect has: a model is laid out for it, and not read back.
  public static let ctranslate2 = Self(
    "ctranslate2", format: "ctranslate2", dialect: "ctranslate2", wantsFolder: true,
    weightFileName: "model.bin")
  /// NumPy, and what reads its archives.
  public static let numpy = Self("numpy", format: "npz", dialect: "hf", wantsFolder: false)

  /// All programs that a conversion is for: a new one is a value, and its place here.
  public static let allCases = [
    transformers, llamaCpp, mlx, llmc, llama2c, openAI, nanoGPT, googleBERT, meta, mistral, numpy,
    ctranslate2,
  ]
}
