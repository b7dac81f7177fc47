// SPDX-License-Identifier: Apache-2.0
// TensorFlow's numbers of element types. Table: formats/tensorflow-bundle.md.
import IngotCore

/// TensorFlow's element types.
///
/// - SeeAlso: `tensorflow/tensorflow: tensorflow/core/framework/types.proto`, version 2.21.0.
enum TensorFlowDType {
  /// Strings: no tensor's elements, but metadata.
  static let string = 7
  /// Any C++ object: nothing that is read.
  static let variant = 21

  /// Types that are read and written, by TensorFlow's number.
  private static let written: [Int: DType] = [
    1: .f32, 2: .f64, 3: .i32, 4: .u8, 5: .i16, 6: .i8, 8: .c64, 9: .i64, 10: .bool, 14: .bf16, 17: .u16,
    18: .c128, 19: .f16, 22: .u32, 23: .u64, 24: .f8E5M2, 25: .f8E4M3, 26: .f8E4M3FNUZ, 28: .f8E5M2FNUZ,
  ]

  /// Types that are read as the integers that they are stored as.
  private static let readAsIntegers: [Int: (name: String, dtype: DType)] = [
    11: ("qint8", .i8), 12: ("quint8", .u8), 13: ("qint32", .i32), 15: ("qint16", .i16),
    16: ("quint16", .u16),
    29: ("int4", .i8), 30: ("uint4", .u8),
  ]

  /// Names of types that are not read, for messages.
  private static let unread: [Int: String] = [
    20: "resource", 27: "float8_e4m3b11fnuz", 31: "int2", 32: "uint2", 33: "float4_e2m1fn",
  ]

  private static let numbers: [DType: Int] = Dictionary(
    uniqueKeysWithValues: written.map { ($0.value, $0.key) })

  /// TensorFlow's number of a dtype; `nil` for those it lacks.
  static func number(of dtype: DType) -> Int? { numbers[dtype] }

  /// The dtype of a number; `nil` for strings, variants and what is not read.
  static func dtype(of number: Int) -> DType? { written[number] ?? readAsIntegers[number]?.dtype }

  /// TensorFlow's name of a type that is read as plain integers.
  static func integerName(of number: Int) -> String? { readAsIntegers[number]?.name }

  /// What messages call a type that is not read.
  static func unreadName(of number: Int) -> Evidence {
    unread[number].map { "elements of type \(words: $0)" } ?? "elements of type \(number)"
  }
}
