// SPDX-License-Identifier: Apache-2.0
// What a caller can ask for, as values: errors, hints and losses name these. What each is called is for the reader's side
// to say: a program has options and commands, a library properties and functions.

/// Something that a caller can choose.
///
/// Most cases are called as the property of the verbs' options that they stand for.
public enum RequestOption: String, CaseIterable, Hashable, Sendable {
  case against, architecture, calibration, calibrationTokens, check, compresses, config, dialect, dtype
  /// What a quantization may take, or cost; what is known of its weights for that.
  case bitLimit, byteLimit, divergenceLimit, sensitivities, tokenLimit
  case exclude, fileName, fixtures, force, format, include, isInPlace, keepsUnknownBits, keptRows,
    measure, nonFinite
  case onOverflow, precision, preset, program, prompt, rawDTypes, removals
  case renames, resumes, rules, scaleDType, scheme, shardByteLimit, storesSHA256, stride, text, tokens, values
  /// The dialect in whose names a digest is taken.
  case digestDialect
  /// The names of tensors that an inspection is of: a first selection, not ``include``.
  case names
  /// The parts of tensors that are shown.
  case slices
  /// What a corpus is made of, and what of it.
  case documentForm, documentSeparator, inputs, list, maximumMarkupShare, maximumRepeatedShare, maximumWords
  case minimumLetterShare, minimumWords, permutations, shingleWords, threshold, wantedCount
  /// For how many processors a model is cut, and how its token embedding is.
  case embeddingCut, modelParallelCount
  /// What checkpoints, and adapters, are multiplied by when they are merged.
  case linear, taskVectors, weights
  /// How many tokens are generated, and how each is chosen.
  case maximumCount, minP, repetitionPenalty, seed, temperature, topK, topP
  /// The token embedding is the head.
  case tie
  /// The head is the one that is stored.
  case untie
}

/// Something that is done with a checkpoint.
public enum Verb: String, CaseIterable, Hashable, Sendable {
  case convert, formats, inspect, quantize, validate, verify
}
