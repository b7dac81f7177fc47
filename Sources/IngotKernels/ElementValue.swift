// SPDX-License-Identifier: Apache-2.0
// Single elements as values to be shown: each exactly, and with the fewest decimal digits that tell it from its neighbours in
// its own dtype.
import IngotCore

/// One element of a tensor.
public enum ElementValue: Hashable, Sendable {
  /// An element of BOOL: any byte but 0 is true.
  case boolean(Bool)
  /// An element of an integer dtype.
  case integer(Int128)
  /// An element of a floating-point dtype, exactly.
  case real(Double, DType)
  /// An element of a complex dtype, whose parts are of the dtype given.
  case complex(real: Double, imaginary: Double, part: DType)
}

extension ElementValue: CustomStringConvertible {
  /// The value with the fewest digits that read back as it: `4.25`, `1e-05`, `NaN`, `-Infinity`, `true`, `1-2j`.
  public var description: String {
    switch self {
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): value.description
    case .real(let value, let dtype): Self.shortest(value, of: dtype)
    case .complex(let real, let imaginary, let part):
      Self.shortest(real, of: part) + (imaginary.sign == .minus && !imaginary.isNaN ? "" : "+")
        + Self.shortest(imaginary, of: part) + "j"
    }
  }

  private static func shortest(_ value: Double, of dtype: DType) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" }
    let text =
      switch dtype {
      case .f32: Float(value).description
      case .f16: shortest(value, .f16)
      case .bf16: shortest(value, .bf16)
      case .f8E4M3: shortest(value, .f8E4M3)
      case .f8E5M2: shortest(value, .f8E5M2)
      default: value.description
      }
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// The first rounding to one, two, three and so on decimal digits that is nearest to no other number of the format.
  private static func shortest(_ value: Double, _ format: SmallFloatFormat) -> String {
    guard value != 0 else { return value.description }
    let code = ReferenceKernels.encode(value, format: format)
    let exact = DecimalDigits(value)
    for count in 1..<exact.digits.count {
      guard let candidate = Double(exact.rounded(to: count)) else { break }
      if candidate.isFinite, ReferenceKernels.encode(candidate, format: format) == code {
        return candidate.description
      }
    }
    return value.description
  }
}

/// A number's decimal digits: `0.d₁d₂d₃… · 10^exponent`.
private struct DecimalDigits {
  private(set) var digits: [UInt8] = []
  private var exponent = 0
  private let isNegative: Bool

  /// Takes the digits of a finite number other than 0.
  init(_ value: Double) {
    isNegative = value < 0
    let parts = value.magnitude.description.split(separator: "e")
    var isFraction = false
    for byte in (parts.first ?? "").utf8 {
      guard byte != UInt8(ascii: ".") else {
        isFraction = true
        continue
      }
      let digit = byte - UInt8(ascii: "0")
      if digits.isEmpty, digit == 0 {
        if isFraction { exponent -= 1 }
        continue
      }
      digits.append(digit)
      if !isFraction { exponent += 1 }
    }
    while digits.last == 0 { digits.removeLast() }
    if parts.count > 1 { exponent += Int(parts[1]) ?? 0 }
  }

  /// The number as text, rounded to so many digits.
  func rounded(to count: Int) -> String {
    var kept = Array(digits.prefix(count))
    var power = exponent
    // Halves go to the even digit.
    let isHalf = digits.count == count + 1 && digits[count] == 5
    if digits.count > count, isHalf ? (kept.last ?? 0) % 2 == 1 : digits[count] >= 5 {
      var index = kept.count - 1
      while index >= 0, kept[index] == 9 {
        kept[index] = 0
        index -= 1
      }
      if index >= 0 {
        kept[index] += 1
      } else {
        kept.insert(1, at: 0)
        power += 1
      }
    }
    let text = kept.map { String($0) }.joined()
    return "\(isNegative ? "-" : "")0.\(text)e\(power)"
  }
}

extension Elements {
  /// Whether elements of a dtype have values that are known here.
  package static func hasValues(_ dtype: DType) -> Bool {
    switch dtype {
    case .f4, .f6E2M3, .f6E3M2, .f8E4M3FNUZ, .f8E5M2FNUZ: false
    default: true
    }
  }

  /// The elements as values; `nil` for blocks, and for dtypes of less than a byte or without a known meaning.
  package func values() -> [ElementValue]? {
    guard case .number(let dtype) = type, Self.hasValues(dtype) else { return nil }
    guard let start = bytes.baseAddress else { return [] }
    switch dtype {
    case .bool: return bytes.map { .boolean($0 != 0) }
    case .c64, .c128:
      let part: DType = dtype == .c64 ? .f32 : .f64
      return (0..<count).map {
        .complex(
          real: ReferenceKernels.decode(start, at: 2 * $0, as: part),
          imaginary: ReferenceKernels.decode(start, at: 2 * $0 + 1, as: part), part: part)
      }
    default:
      if let integers = integers() { return integers.map { .integer($0) } }
      return (0..<count).map { .real(ReferenceKernels.decode(start, at: $0, as: dtype), dtype) }
    }
  }

  /// The elements as integers, of any width and sign; `nil` for dtypes of other numbers.
  package func integers() -> [Int128]? {
    guard case .number(let dtype) = type else { return nil }
    func all<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> [Int128] {
      (0..<(bytes.count / MemoryLayout<Number>.size)).map {
        Int128(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self))
      }
    }
    switch dtype {
    case .bool, .u8: return all(UInt8.self)
    case .i8: return all(Int8.self)
    case .i16: return all(Int16.self)
    case .u16: return all(UInt16.self)
    case .i32: return all(Int32.self)
    case .u32: return all(UInt32.self)
    case .i64: return all(Int64.self)
    case .u64: return all(UInt64.self)
    default: return nil
    }
  }
}
