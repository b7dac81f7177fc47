// SPDX-License-Identifier: Apache-2.0
// What options and verbs are called on the command line. The only place where a value becomes `--dtype` or
// `ingot convert`.
import IngotKit

/// The names that a user of the program knows.
struct CommandNames: RequestNames {
  /// Whether the command that is run has an option.
  var hasOption: (String) -> Bool = { _ in true }

  func name(of option: RequestOption, _ value: String?) -> String {
    if let verb = option.soleVerb, !hasOption(option.spelling) { return name(of: verb, option, value) }
    return ([option.spelling] + (value.map { [$0] } ?? [])).joined(separator: " ")
  }

  func name(of verb: Verb, _ option: RequestOption?, _ value: String?) -> String {
    let words = ["ingot", verb.rawValue, option?.spelling, value].compactMap { $0 }
    return "`\(words.joined(separator: " "))`"
  }

  /// An option that the command lacks is `convert`'s, whose output is then the input.
  func introduction(to options: [RequestOption]) -> String {
    let isForeign = options.contains { $0.soleVerb == nil && !hasOption($0.spelling) }
    return isForeign ? "\(name(of: .convert, nil, nil)) first: " : ""
  }
}

extension RequestOption {
  /// What it is called on the command line.
  package var spelling: String {
    switch self {
    case .against: "--against"
    case .architecture: "ARCHITECTURE"
    case .bitLimit: "--max-bits"
    case .byteLimit: "--max-size"
    case .calibration: "--calibrate"
    case .calibrationTokens: "--calibration-tokens"
    case .check: "--check"
    case .compresses: "--compress"
    case .config: "--config"
    case .dialect: "--dialect"
    case .digestDialect: "--as"
    case .dtype: "--dtype"
    case .divergenceLimit: "--max-kl"
    case .documentForm: "--from"
    case .documentSeparator: "--split"
    case .embeddingCut: "--embedding-cut"
    case .exclude: "--exclude"
    case .fileName: "--from"
    case .fixtures: "--fixtures"
    case .force: "--force"
    case .format: "--to"
    case .include: "--include"
    case .inputs: "PATH"
    case .isInPlace: "--in-place"
    case .keepsUnknownBits: "--npy-bits"
    case .keptRows: "--keep-rows"
    case .linear: "--linear"
    case .list: "--list"
    case .maximumCount: "--max-tokens"
    case .maximumMarkupShare: "--max-markup"
    case .maximumRepeatedShare: "--max-repeated"
    case .maximumWords: "--max-words"
    case .measure: "--measure"
    case .minP: "--min-p"
    case .minimumLetterShare: "--min-letters"
    case .minimumWords: "--min-words"
    case .modelParallelCount: "--model-parallel"
    case .names: "PATTERN"
    case .nonFinite: "--allow-nonfinite"
    case .onOverflow: "--on-overflow"
    case .permutations: "--permutations"
    case .precision: "--precision"
    case .preset: "--preset"
    case .program: "--for"
    case .prompt: "--prompt"
    case .rawDTypes: "--npy-dtype"
    case .removals: "--remove"
    case .renames: "--rename"
    case .repetitionPenalty: "--repetition-penalty"
    case .resumes: "--resume"
    case .rules: "--rule"
    case .scaleDType: "--scale-dtype"
    case .scheme: "--scheme"
    case .seed: "--seed"
    case .shardByteLimit: "--shard-size"
    case .sensitivities: "--sensitivities"
    case .storesSHA256: "--digests"
    case .shingleWords: "--shingle"
    case .slices: "TENSOR"
    case .stride: "--stride"
    case .taskVectors: "--task-vector"
    case .temperature: "--temperature"
    case .text: "--text"
    case .threshold: "--threshold"
    case .tie: "--tie"
    case .tokenLimit: "--token-limit"
    case .tokens: "--tokens"
    case .topK: "--top-k"
    case .topP: "--top-p"
    case .untie: "--untie"
    case .values: "--set"
    case .wantedCount: "--take"
    case .weights: "--weight"
    }
  }

  /// The one command that has it, where a hint may name it to users of others.
  fileprivate var soleVerb: Verb? {
    switch self {
    case .bitLimit, .byteLimit, .calibration, .calibrationTokens, .divergenceLimit, .keptRows, .measure,
      .rules,
      .scaleDType, .scheme, .sensitivities:
      .quantize
    case .fixtures: .verify
    default: nil
    }
  }
}
