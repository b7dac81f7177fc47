// SPDX-License-Identifier: Apache-2.0
// Element types, their widths and families. Spelled as safetensors spells them, everywhere.
// Not here: block types such as Q8_0, which are quantizations of a dtype (BlockType.swift).

/// The type of one element of a tensor.
///
/// The raw value is the one spelling used in reports, options and digests: safetensors' own, plus `C128`, which
/// NumPy has and safetensors lacks.
///
/// The order of the cases is that of the reference, by which its library sorts the tensors of a file, and ours does: a case
/// in another place would change the bytes that are written.
///
/// - SeeAlso: `huggingface/safetensors: safetensors/src/tensor.rs`, `enum Dtype`.
public enum DType: String, CaseIterable, Hashable, Sendable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"
  case c128 = "C128"

  /// What kind of number a dtype holds.
  public enum Family: Hashable, Sendable {
    case boolean, signedInteger, unsignedInteger, float, complex
  }

  /// Reads a spelling in any case, as options do: `bf16`, `BF16`; those of PyTorch and NumPy are read too: `bfloat16`,
  /// `torch.float16`.
  public init?(caseInsensitive spelling: String) {
    var name = spelling.uppercased()
    if name.hasPrefix("TORCH.") { name.removeFirst(6) }
    if let known = Self(rawValue: name) {
      self = known
    } else if let known = Self.otherSpellings[name] {
      self = known
    } else {
      return nil
    }
  }

  /// What other programs call them, in upper case.
  private static let otherSpellings: [String: DType] = [
    "FLOAT16": .f16, "FP16": .f16, "HALF": .f16, "BFLOAT16": .bf16, "FLOAT32": .f32, "FP32": .f32,
    "FLOAT": .f32,
    "FLOAT64": .f64, "FP64": .f64, "DOUBLE": .f64, "FLOAT8_E4M3FN": .f8E4M3, "FLOAT8_E4M3": .f8E4M3,
    "F8_E4M3FN": .f8E4M3, "FLOAT8_E5M2": .f8E5M2, "INT8": .i8, "INT16": .i16, "INT32": .i32, "INT64": .i64,
    "UINT8": .u8, "UINT16": .u16, "UINT32": .u32, "UINT64": .u64,
  ]

  /// Bits of one element.
  public var bitWidth: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    case .c128: 128
    }
  }

  /// Bytes of one element; `nil` for types narrower than a byte, whose elements share bytes.
  public var byteWidth: Int? {
    bitWidth % 8 == 0 ? bitWidth / 8 : nil
  }

  /// Bytes of the unit that a change of byte order reverses: half an element for complex types.
  package var swapWidth: Int {
    switch family {
    case .complex: bitWidth / 16
    default: max(1, bitWidth / 8)
    }
  }

  /// What kind of number the dtype holds.
  public var family: Family {
    switch self {
    case .bool: .boolean
    case .u8, .u16, .u32, .u64: .unsignedInteger
    case .i8, .i16, .i32, .i64: .signedInteger
    case .c64, .c128: .complex
    default: .float
    }
  }

  /// Whether `--dtype` applies to tensors of this type: real floating point only.
  public var isFloating: Bool { family == .float }

  /// Whether there is a conversion from this floating-point type to others.
  public var isCast: Bool {
    switch self {
    case .f4, .f6E2M3, .f6E3M2, .f8E4M3FNUZ, .f8E5M2FNUZ: false
    default: isFloating
    }
  }
}
