// SPDX-License-Identifier: Apache-2.0
// NumPy's spelling of dtypes (`<f4`) and ours. Page: formats/numpy.md.
import IngotCore

/// A parsed `descr` string.
struct NumPyDType: Hashable {
  /// What the element type is.
  enum Kind: Hashable {
    /// One of ours.
    case known(DType)
    /// So many raw bytes, whose meaning the file does not say.
    case raw(byteCount: Int)
    /// Text or times, which are no numbers: so many bytes an element.
    case text(byteCount: Int)
  }

  var kind: Kind
  var byteOrder: ByteOrder
  /// Of raw bytes the type that they may well be; `nil` where none is as wide.
  var likely: DType?

  private static let codes: [(code: String, dtype: DType)] = [
    ("b1", .bool), ("?", .bool), ("i1", .i8), ("u1", .u8), ("i2", .i16), ("u2", .u16), ("i4", .i32),
    ("u4", .u32),
    ("i8", .i64), ("u8", .u64), ("f2", .f16), ("f4", .f32), ("f8", .f64), ("c8", .c64), ("c16", .c128),
  ]

  /// Types of ml_dtypes that it has no `V` for: `float8_e5m2` is saved as `f1`, which no NumPy reads.
  private static let rawCodes = [(code: "f1", byteCount: 1, dtype: DType.f8E5M2)]

  /// Parses a `descr`; `nil` for one that is not read.
  init?(_ descr: String) {
    let orders: [Character: ByteOrder] = ["<": .little, ">": .big, "=": .little, "|": .little]
    let order = descr.first.flatMap { orders[$0] }
    let code = order == nil ? descr[...] : descr.dropFirst()
    byteOrder = order ?? .little
    if let known = Self.codes.first(where: { $0.code == code }) {
      kind = .known(known.dtype)
    } else if let raw = Self.rawCodes.first(where: { $0.code == code }) {
      kind = .raw(byteCount: raw.byteCount)
      likely = raw.dtype
    } else if code.first == "V", let count = Self.number(code.dropFirst()), count > 0, count <= 16 {
      kind = .raw(byteCount: count)
      likely = [.f8E4M3, .bf16, .f32, .f64, .c128].first { $0.byteWidth == count }
    } else if let byteCount = Self.textByteCount(code) {
      kind = .text(byteCount: byteCount)
    } else {
      return nil
    }
  }

  /// Bytes of an element of text (`U5` has four a character, `S5` and its old name `a5` one) or of a time: `M8[ns]`.
  private static func textByteCount(_ code: Substring) -> Int? {
    let rest = code.dropFirst()
    switch code.first {
    case "U": return (rest.isEmpty ? 0 : number(rest))?.checkedMultiply(4)
    case "S", "a": return rest.isEmpty ? 0 : number(rest)
    case "M", "m": return rest == "8" || rest.hasPrefix("8[") && rest.hasSuffix("]") ? 8 : nil
    default: return nil
    }
  }

  /// The number that decimal digits are; `nil` for anything else.
  private static func number(_ digits: Substring) -> Int? {
    digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
  }

  /// The `descr` of a dtype, little-endian; `nil` for dtypes that NumPy lacks.
  static func descr(of dtype: DType) -> String? {
    guard let code = codes.first(where: { $0.dtype == dtype })?.code else { return nil }
    return (dtype.bitWidth == 8 ? "|" : "<") + code
  }

  /// The unsigned type that holds the bits of a dtype that NumPy lacks; `nil` for types that share bytes.
  static func bits(of dtype: DType) -> DType? {
    switch dtype.bitWidth {
    case 8: .u8
    case 16: .u16
    default: nil
    }
  }
}
