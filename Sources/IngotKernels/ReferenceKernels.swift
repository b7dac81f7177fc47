// SPDX-License-Identifier: Apache-2.0
// Plain Swift kernels: slow, readable, kept for ever as the judges of the fast ones. Each is an extension in a file of
// its subject; this one decodes single elements.
import IngotCore

/// The plain twins of the fast kernels.
package enum ReferenceKernels {}

extension ReferenceKernels {
  /// The value of one element, exactly, as a double; integers of 64 bits are rounded to nearest even.
  ///
  /// - Parameters:
  ///   - bytes: elements of `dtype`, little-endian; any alignment.
  ///   - index: which element.
  ///   - dtype: any real dtype of at least a byte but the FNUZ types; others give NaN.
  /// - Returns: the value.
  package static func decode(_ bytes: UnsafeRawPointer, at index: Int, as dtype: DType) -> Double {
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T {
      bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: type)
    }
    switch dtype {
    case .f64: return load(Double.self)
    case .f32: return Double(load(Float.self))
    case .f16: return decode(bits: UInt32(load(UInt16.self)), format: .f16)
    case .bf16: return decode(bits: UInt32(load(UInt16.self)), format: .bf16)
    case .f8E4M3: return decode(bits: UInt32(load(UInt8.self)), format: .f8E4M3)
    case .f8E5M2: return decode(bits: UInt32(load(UInt8.self)), format: .f8E5M2)
    case .f8E8M0:
      let exponent = load(UInt8.self)
      return exponent == .max ? .nan : Double(sign: .plus, exponent: Int(exponent) - 127, significand: 1)
    case .bool, .u8: return Double(load(UInt8.self))
    case .i8: return Double(load(Int8.self))
    case .u16: return Double(load(UInt16.self))
    case .i16: return Double(load(Int16.self))
    case .u32: return Double(load(UInt32.self))
    case .i32: return Double(load(Int32.self))
    case .u64: return Double(load(UInt64.self))
    case .i64: return Double(load(Int64.self))
    default: return .nan
    }
  }
}

/// A binary floating-point format narrower than 32 bits, by its fields.
package struct SmallFloatFormat: Sendable {
  /// Bits of the exponent field and of the stored mantissa.
  package var exponentBits: Int, mantissaBits: Int
  /// Whether the highest exponent means infinity and NaN; else only the all-ones code is NaN (F8_E4M3).
  package var hasInfinity: Bool

  /// The four formats.
  package static let f16 = SmallFloatFormat(exponentBits: 5, mantissaBits: 10, hasInfinity: true)
  package static let bf16 = SmallFloatFormat(exponentBits: 8, mantissaBits: 7, hasInfinity: true)
  package static let f8E5M2 = SmallFloatFormat(exponentBits: 5, mantissaBits: 2, hasInfinity: true)
  package static let f8E4M3 = SmallFloatFormat(exponentBits: 4, mantissaBits: 3, hasInfinity: false)

  var bias: Int { (1 << (exponentBits - 1)) - 1 }
  var signBit: UInt32 { 1 << UInt32(exponentBits + mantissaBits) }
  var exponentMask: UInt32 { (1 << UInt32(exponentBits)) - 1 }
  var mantissaMask: UInt32 { (1 << UInt32(mantissaBits)) - 1 }
  /// The code after the largest finite one: infinity, or NaN where there is none.
  package var firstSpecial: UInt32 {
    hasInfinity ? exponentMask << UInt32(mantissaBits) : (exponentMask << UInt32(mantissaBits)) | mantissaMask
  }
}

extension ReferenceKernels {
  /// The value of a small float, exactly.
  package static func decode(bits: UInt32, format: SmallFloatFormat) -> Double {
    let magnitude = bits & (format.signBit - 1)
    let sign = bits & format.signBit == 0 ? 1.0 : -1.0
    if magnitude >= format.firstSpecial {
      return format.hasInfinity && magnitude == format.firstSpecial ? sign * .infinity : .nan
    }
    let exponent = Int(magnitude >> UInt32(format.mantissaBits))
    let mantissa = Double(magnitude & format.mantissaMask)
    // Denormals have the exponent of the lowest normal range and no hidden bit.
    let significand = exponent == 0 ? mantissa : mantissa + Double(1 << format.mantissaBits)
    let power = max(exponent, 1) - format.bias - format.mantissaBits
    return sign * significand * Double(sign: .plus, exponent: power, significand: 1)
  }

  /// The code of the value nearest to `value`, ties to even; overflow gives ``SmallFloatFormat/firstSpecial``.
  ///
  /// - Parameters:
  ///   - value: any number but NaN.
  ///   - format: the format to round to.
  /// - Returns: the code, sign included.
  package static func encode(_ value: Double, format: SmallFloatFormat) -> UInt32 {
    let sign: UInt32 = value.sign == .minus ? format.signBit : 0
    guard value.isFinite else { return sign | format.firstSpecial }
    // The step between neighbours around the value, at least the denormals' step.
    let lowest = 1 - format.bias
    let exponent = value == 0 ? lowest : max(Int(value.exponent), lowest)
    let step = Double(sign: .plus, exponent: exponent - format.mantissaBits, significand: 1)
    // Dividing by a power of two is exact here, so this is the one rounding.
    let count = (value.magnitude / step).rounded(.toNearestOrEven)
    let code = UInt32(count) + (UInt32(exponent - lowest) << UInt32(format.mantissaBits))
    return sign | min(code, format.firstSpecial)
  }
}
