// SPDX-License-Identifier: Apache-2.0
// What each remedy is in words. Options and verbs stay values: ErrorText calls them as its reader knows them.

extension Remedy {
  /// The words for it.
  package var evidence: Evidence {
    switch self {
    case .cast(let dtypes) where dtypes.isEmpty: "\(option: .dtype) casts"
    case .cast(let dtypes):
      "\(dtypes.map { dtype -> Evidence in "\(option: .dtype, dtype.rawValue)" }.joined(separator: " or ")) casts"
    case .dequantize: "\(option: .dtype, "F32") dequantizes them"
    case .applyScales: "\(option: .dtype, "F32") multiplies by them"
    case .makeBlocks(let type): "\(option: .scheme, type.rawValue.lowercased()) makes blocks"
    case .keepWeight:
      "\(option: .rules, "GLOB=keep"), by its name in the input or the output, leaves it as it is"
    case .leaveOut: "\(option: .exclude) leaves it out"
    case .rename: "\(option: .renames) gives another name"
    case .keepNames: "\(option: .dialect, "keep") leaves names"
    case .keepBits: "\(option: .keepsUnknownBits) keeps the bits"
    case .decideOverflow: "\(option: .onOverflow) says what becomes of them"
    case .cutOutput: "\(option: .shardByteLimit) cuts the output into several files"
    case .cutLarger: "a larger \(option: .shardByteLimit) makes fewer"
    case .overwrite: "\(option: .force) replaces it"
    case .replaceFile: "without \(option: .isInPlace) a new file takes its place"
    case .convert: "\(verb: .convert) writes a new file"
    case .chooseFile: "\(option: .fileName, "NAME") chooses one"
    case .nameConfig: "\(option: .config, "FILE") names one"
    case .nameDType(let dtype): "\(option: .rawDTypes, "'GLOB=\(dtype.rawValue)'") names one"
    case .chooseHead:
      "\(option: .tie) takes the token embedding for the head, \(option: .untie) the head that is stored"
    case .allowNonFinite: "\(option: .nonFinite) goes on all the same"
    case .computeInFloat64: "\(option: .precision, "reference") computes in float64"
    case .validate(let more): "\(verb: .validate) lists \(more) more"
    case .findNonFinite: "\(verb: .validate) names the first of them"
    }
  }
}

extension Evidence {
  /// The options that it, and what helps, name as the failed verb's own.
  package var options: [RequestOption] {
    pieces.flatMap { piece -> [RequestOption] in
      switch piece {
      case .option(let option, _): [option]
      case .remedy(let remedy): remedy.evidence.options
      case .words, .value, .count, .verb: []
      }
    }
  }
}
