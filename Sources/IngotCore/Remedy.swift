// SPDX-License-Identifier: Apache-2.0
// What helps against an error, as values: a program can offer it, and whoever shows it knows what it is called there.

/// What helps where something can't be done as it was asked for.
public enum Remedy: Hashable, Sendable {
  /// Casting to one of these dtypes; to any that the output has, when there are none.
  case cast(to: [DType])
  /// Making the numbers that blocks stand for.
  case dequantize
  /// Multiplying small numbers by the scales that are stored beside them.
  case applyScales
  /// Quantizing to blocks.
  case makeBlocks(BlockType)
  /// Leaving the weight as it is where others are quantized.
  case keepWeight
  /// Leaving the tensor out.
  case leaveOut
  /// Giving the tensor another name.
  case rename
  /// Leaving names and layouts as they are.
  case keepNames
  /// Storing the elements as unsigned integers of their bits.
  case keepBits
  /// Saying what becomes of numbers beyond the target's range.
  case decideOverflow
  /// Cutting the output into files.
  case cutOutput
  /// Cutting the output into larger files.
  case cutLarger
  /// Replacing what stands at the output.
  case overwrite
  /// Writing a new file in place of the old one.
  case replaceFile
  /// Converting to a new file.
  case convert
  /// Naming one of the weight files.
  case chooseFile
  /// Naming the model's config.
  case nameConfig
  /// Naming the dtype of raw bytes, of which this is one.
  case nameDType(DType)
  /// Saying which head is meant.
  case chooseHead
  /// Going on with numbers that are NaN or infinite.
  case allowNonFinite
  /// Computing in float64.
  case computeInFloat64
  /// Validating, which shows so many more faults.
  case validate(more: Int)
  /// Validating, which names the first value that is not finite.
  case findNonFinite
}

extension Evidence {
  /// A hint that is nothing but a remedy.
  public static func remedy(_ remedy: Remedy) -> Evidence {
    Evidence(pieces: [.remedy(remedy)])
  }

  /// The remedies that it names.
  public var remedies: [Remedy] {
    pieces.compactMap { piece in
      guard case .remedy(let remedy) = piece else { return nil }
      return remedy
    }
  }
}

extension IngotError {
  /// What helps, for a program that can offer it.
  public var remedies: [Remedy] {
    switch self {
    case .unrepresentable(_, _, let why, let hint), .unsuitable(_, let why, let hint),
      .missing(_, let why, let hint), .outputRefused(_, let why, let hint):
      why.remedies + (hint?.remedies ?? [])
    case .unsupported(let why, _), .invalidRequest(_, let why), .unmet(_, let why): why.remedies
    case .malformed, .limitExceeded, .environment, .sourceChanged, .interrupted, .internal: []
    }
  }
}
