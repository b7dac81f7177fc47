// SPDX-License-Identifier: Apache-2.0
// The Swift numbers that elements of tensors are read as and made of.
import IngotCore

/// A Swift number that elements of tensors are read as and made of.
///
/// Swift's own numbers conform. A type that is added must have the width of its dtype's elements.
public protocol TensorNumber: BitwiseCopyable, Numeric, Sendable {
  /// The dtype whose elements are such numbers.
  static var tensorDType: DType { get }
}

extension TensorNumber where Self: BinaryFloatingPoint {
  /// The dtype of the number's width.
  public static var tensorDType: DType {
    switch 1 + exponentBitCount + significandBitCount {
    case 16: .f16
    case 32: .f32
    default: .f64
    }
  }
}

extension TensorNumber where Self: FixedWidthInteger {
  /// The dtype of the number's width, with or without a sign.
  public static var tensorDType: DType {
    switch bitWidth {
    case 8: isSigned ? .i8 : .u8
    case 16: isSigned ? .i16 : .u16
    case 32: isSigned ? .i32 : .u32
    default: isSigned ? .i64 : .u64
    }
  }
}

extension Float16: TensorNumber {}
extension Float: TensorNumber {}
extension Double: TensorNumber {}
extension Int: TensorNumber {}
extension Int8: TensorNumber {}
extension Int16: TensorNumber {}
extension Int32: TensorNumber {}
extension Int64: TensorNumber {}
extension UInt: TensorNumber {}
extension UInt8: TensorNumber {}
extension UInt16: TensorNumber {}
extension UInt32: TensorNumber {}
extension UInt64: TensorNumber {}

extension Elements {
  /// The elements as numbers of a type: as they are, where it is their own, and integers as any type that holds each of them
  /// exactly.
  ///
  /// - Parameter type: the type of the numbers.
  /// - Returns: a number an element; `nil` where one has none, and for elements that are no integers.
  package func exactNumbers<Number: TensorNumber>(as type: Number.Type = Number.self) -> [Number]? {
    guard case .number(let dtype) = self.type else { return nil }
    switch dtype {
    // Canonical elements have the byte order of the machines that this runs on.
    case type.tensorDType: return loaded(as: type)
    case .bool, .u8: return exact(loaded(as: UInt8.self))
    case .i8: return exact(loaded(as: Int8.self))
    case .i16: return exact(loaded(as: Int16.self))
    case .i32: return exact(loaded(as: Int32.self))
    case .i64: return exact(loaded(as: Int64.self))
    case .u16: return exact(loaded(as: UInt16.self))
    case .u32: return exact(loaded(as: UInt32.self))
    case .u64: return exact(loaded(as: UInt64.self))
    default: return nil
    }
  }

  private func loaded<Number: TensorNumber>(as type: Number.Type) -> [Number] {
    (0..<(bytes.count / MemoryLayout<Number>.size)).map {
      bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: type)
    }
  }

  private func exact<Number: TensorNumber>(_ integers: [some BinaryInteger]) -> [Number]? {
    var numbers: [Number] = []
    numbers.reserveCapacity(integers.count)
    for integer in integers {
      guard let number = Number(exactly: integer) else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
