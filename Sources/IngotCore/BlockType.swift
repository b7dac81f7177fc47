// SPDX-License-Identifier: Apache-2.0
// ggml's block types: runs of values along the last dimension that are stored together with their scales. What the
// bytes of a block mean is IngotKernels' to know (ReferenceBlocks.swift); this is their names and sizes.

/// A ggml block type: a quantization whose values and scales stand in blocks along the last dimension.
///
/// The raw value is ggml's own name, which reports show in a dtype's place.
///
/// - SeeAlso: `ggml-org/ggml: src/ggml-common.h`, the `block_…` structures, and `gguf-py/gguf/constants.py`,
///   `GGML_QUANT_SIZES`.
public enum BlockType: String, CaseIterable, Hashable, Sendable {
  case q40 = "Q4_0"
  case q41 = "Q4_1"
  case q50 = "Q5_0"
  case q51 = "Q5_1"
  case q80 = "Q8_0"
  case q81 = "Q8_1"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"
  case q8K = "Q8_K"
  case iq2XXS = "IQ2_XXS"
  case iq2XS = "IQ2_XS"
  case iq3XXS = "IQ3_XXS"
  case iq1S = "IQ1_S"
  case iq4NL = "IQ4_NL"
  case iq3S = "IQ3_S"
  case iq2S = "IQ2_S"
  case iq4XS = "IQ4_XS"
  case iq1M = "IQ1_M"
  case tq10 = "TQ1_0"
  case tq20 = "TQ2_0"
  case mxfp4 = "MXFP4"
  case nvfp4 = "NVFP4"
  case q10 = "Q1_0"
  case q20 = "Q2_0"

  /// Reads a spelling in any case, as options do: `q8_0`, `Q8_0`.
  public init?(caseInsensitive spelling: String) {
    self.init(rawValue: spelling.uppercased())
  }

  /// ggml's number of the type, which files have.
  package var ggmlNumber: UInt32 {
    switch self {
    case .q40: 2
    case .q41: 3
    case .q50: 6
    case .q51: 7
    case .q80: 8
    case .q81: 9
    case .q2K: 10
    case .q3K: 11
    case .q4K: 12
    case .q5K: 13
    case .q6K: 14
    case .q8K: 15
    case .iq2XXS: 16
    case .iq2XS: 17
    case .iq3XXS: 18
    case .iq1S: 19
    case .iq4NL: 20
    case .iq3S: 21
    case .iq2S: 22
    case .iq4XS: 23
    case .iq1M: 29
    case .tq10: 34
    case .tq20: 35
    case .mxfp4: 39
    case .nvfp4: 40
    case .q10: 41
    case .q20: 42
    }
  }

  private static let byNumber = Dictionary(uniqueKeysWithValues: allCases.map { ($0.ggmlNumber, $0) })

  /// The type that ggml numbers so; `nil` for plain types and for numbers that are none.
  package init?(ggmlNumber: UInt32) {
    guard let type = Self.byNumber[ggmlNumber] else { return nil }
    self = type
  }

  /// Values of one block.
  public var elementCount: Int { layout.elements }

  /// Bytes of one block.
  public var byteCount: Int { layout.bytes }

  /// The numbers of more than a byte in a block, which another byte order reverses; `nil` for types that ggml reads in
  /// words of differing widths, so that no byte order but this machine's is known for them.
  package var numbers: [BlockNumbers]? { layout.numbers }

  private var layout: (elements: Int, bytes: Int, numbers: [BlockNumbers]?) {
    switch self {
    case .q40: (32, 18, [.init(at: 0)])
    case .q41: (32, 20, [.init(at: 0, count: 2)])
    case .q50: (32, 22, [.init(at: 0)])
    case .q51: (32, 24, [.init(at: 0, count: 2)])
    case .q80: (32, 34, [.init(at: 0)])
    case .q81: (32, 36, [.init(at: 0, count: 2)])
    case .q2K: (256, 84, [.init(at: 80, count: 2)])
    case .q3K: (256, 110, [.init(at: 108)])
    case .q4K: (256, 144, [.init(at: 0, count: 2)])
    case .q5K: (256, 176, [.init(at: 0, count: 2)])
    case .q6K: (256, 210, [.init(at: 208)])
    case .q8K: (256, 292, [.init(at: 0, width: 4), .init(at: 260, count: 16)])
    case .iq2XXS: (256, 66, nil)
    case .iq2XS: (256, 74, nil)
    case .iq3XXS: (256, 98, nil)
    case .iq1S: (256, 50, nil)
    case .iq4NL: (32, 18, [.init(at: 0)])
    case .iq3S: (256, 110, nil)
    case .iq2S: (256, 82, nil)
    case .iq4XS: (256, 136, [.init(at: 0, count: 2)])
    case .iq1M: (256, 56, nil)
    case .tq10: (256, 54, [.init(at: 52)])
    case .tq20: (256, 66, [.init(at: 64)])
    case .mxfp4: (32, 17, [])
    case .nvfp4: (64, 36, [])
    case .q10: (128, 18, [.init(at: 0)])
    case .q20: (64, 18, [.init(at: 0)])
    }
  }

  /// The shape of the bytes of a tensor's blocks: the last dimension counts bytes instead of values.
  ///
  /// - Parameter shape: of the values.
  /// - Returns: the shape, as U8; `nil` when the last dimension is no multiple of a block, or the bytes overflow.
  package func byteShape(of shape: Shape) -> Shape? {
    guard let last = shape.dimensions.last, last % elementCount == 0,
      let row = (last / elementCount).checkedMultiply(byteCount)
    else { return nil }
    return Shape(shape.dimensions.dropLast() + [row])
  }
}

/// Numbers of equal width that stand side by side in a block.
package struct BlockNumbers: Hashable, Sendable {
  /// Where the first one starts in the block.
  package let offset: Int
  /// How many there are.
  package let count: Int
  /// Bytes of each.
  package let width: Int

  /// Places numbers in a block; most are one half-precision scale.
  init(at offset: Int, count: Int = 1, width: Int = 2) {
    self.offset = offset
    self.count = count
    self.width = width
  }
}
