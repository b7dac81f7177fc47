// SPDX-License-Identifier: Apache-2.0
// Sizes from files against arithmetic that has room for every result.
import IngotCore
import IngotTestSupport
import Testing

@Suite struct CheckedArithmeticTests {
  private static let edges: [Int] = [
    .min, .min + 1, -(1 << 32), -2, -1, 0, 1, 2, 3, 63, 64, 1 << 31, 1 << 32, 3_037_000_499, 3_037_000_500,
    .max / 2, .max / 2 + 1, .max - 1, .max,
  ]

  @Test(arguments: edges)
  func `signed results are exact, or nil`(_ a: Int) {
    for b in Self.edges {
      let (wideA, wideB) = (Int128(a), Int128(b))
      #expect(a.checkedAdd(b) == Int(exactly: wideA + wideB))
      #expect(a.checkedSubtract(b) == Int(exactly: wideA - wideB))
      #expect(a.checkedMultiply(b) == Int(exactly: wideA * wideB))
      guard a >= 0, b > 0 else { continue }
      #expect(a.checkedAlignUp(to: b) == Int(exactly: (wideA + wideB - 1) / wideB * wideB))
    }
  }

  @Test func `the least common multiple is the first that both divide, or nil`() {
    for a in 1...40 {
      for b in 1...40 {
        let first = (1...1600).first { $0.isMultiple(of: a) && $0.isMultiple(of: b) }
        #expect(a.checkedCommonMultiple(with: b) == first)
      }
    }
    #expect(Int.max.checkedCommonMultiple(with: .max) == .max)
    #expect(Int.max.checkedCommonMultiple(with: .max - 1) == nil)
    #expect((1 << 62).checkedCommonMultiple(with: 3) == nil)
  }

  @Test(arguments: edges)
  func `unsigned results are exact, or nil`(_ a: Int) {
    let a = UInt64(bitPattern: Int64(a))
    for b in Self.edges.map({ UInt64(bitPattern: Int64($0)) }) {
      let (wideA, wideB) = (UInt128(a), UInt128(b))
      #expect(a.checkedAdd(b) == UInt64(exactly: wideA + wideB))
      #expect(a.checkedSubtract(b) == (a < b ? nil : a - b))
      #expect(a.checkedMultiply(b) == UInt64(exactly: wideA * wideB))
      guard b > 0 else { continue }
      #expect(a.checkedAlignUp(to: b) == UInt64(exactly: (wideA + wideB - 1) / wideB * wideB))
    }
  }
}
