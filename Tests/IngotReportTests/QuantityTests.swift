// SPDX-License-Identifier: Apache-2.0
// Numbers for people: one decimal, and the unit in which it is below a thousand.
import IngotReport
import Testing

@Suite struct QuantityTests {
  @Test(
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
      (999_949_999, "999.9 MB"), (999_950_000, "1.0 GB"),
      (5_400_000_000_000, "5.4 TB"),
    ] as [(Int, String)])
  func `bytes are in powers of ten`(_ count: Int, _ text: String) {
    #expect(Quantity.bytes(count) == text)
  }

  @Test(
    arguments: [
      (0, "0"), (0.5, "0.5000"), (-1.25, "-1.250"), (123.456, "123.5"), (1e-7, "1.0e-07"),
      (-9.96e9, "-1.0e+10"),
      (.infinity, "Infinity"), (-.infinity, "-Infinity"), (.nan, "NaN"),
    ] as [(Double, String)])
  func `reals are short`(_ value: Double, _ text: String) {
    #expect(Quantity.real(value) == text)
  }
}
