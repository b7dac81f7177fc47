// SPDX-License-Identifier: Apache-2.0
// The tables that Scripts/unicode-tables writes: numbers in digits of five bits, as printable characters.

/// The tables, each in a file of `Tables`.
enum UnicodeTables {}

/// The numbers of a table, one after the other.
struct PackedNumbers: IteratorProtocol {
  private let table: StaticString
  private var offset = 0

  /// Begins at a table's first number.
  init(_ table: StaticString) { self.table = table }

  /// The next number: digits from the lowest to the highest, all but the last with 32 added; line breaks don't count.
  mutating func next() -> Int? {
    var number = 0
    var shift = 0
    while offset < table.utf8CodeUnitCount {
      // SAFETY: the offset is below the literal's length, and a literal stays.
      let digit = Int(table.utf8Start[offset]) - 0x30
      offset += 1
      guard digit >= 0 else { continue }
      number |= (digit & 31) << shift
      if digit < 32 { return number }
      shift += 5
    }
    return nil
  }

  /// The next number as a signed one.
  mutating func nextSigned() -> Int? { next().map { $0 & 1 == 0 ? $0 >> 1 : -(($0 + 1) >> 1) } }
}

extension UnicodeTables {
  /// What characters are mapped to by a table.
  static func mappings(_ table: StaticString) -> [UInt32: [UInt32]] {
    var mappings: [UInt32: [UInt32]] = [:]
    var numbers = PackedNumbers(table)
    var scalar = 0
    while let distance = numbers.next(), let count = numbers.next() {
      scalar += distance
      mappings[UInt32(scalar)] = (0..<count).map { _ in UInt32(scalar + (numbers.nextSigned() ?? 0)) }
    }
    return mappings
  }

  /// The runs of a table with a value for each code point.
  static func runs(_ table: StaticString) -> [(length: Int, value: Int)] {
    var runs: [(length: Int, value: Int)] = []
    var numbers = PackedNumbers(table)
    while let length = numbers.next(), let value = numbers.next() { runs.append((length, value)) }
    return runs
  }
}
