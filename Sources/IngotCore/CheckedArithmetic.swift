// SPDX-License-Identifier: Apache-2.0
// Arithmetic for sizes that come from files: an overflow is `nil`, never a trap and never a wrapped value. For the two
// types that sizes have, and not for all: what is generic is slow from another target.

extension Int {
  /// The sum, or `nil` when it overflows.
  package func checkedAdd(_ other: Int) -> Int? { exact(addingReportingOverflow(other)) }

  /// The difference, or `nil` when it overflows.
  package func checkedSubtract(_ other: Int) -> Int? { exact(subtractingReportingOverflow(other)) }

  /// The product, or `nil` when it overflows.
  package func checkedMultiply(_ other: Int) -> Int? { exact(multipliedReportingOverflow(by: other)) }

  /// The least multiple of `alignment` that is not below this value, or `nil` when it overflows.
  ///
  /// - Precondition: `alignment` is above zero.
  package func checkedAlignUp(to alignment: Int) -> Int? { alignedUp(self, to: alignment) }

  /// The quotient, rounded up, which can't overflow.
  ///
  /// - Precondition: this value is not below zero, and `divisor` is above it.
  package func dividedUp(by divisor: Int) -> Int { self / divisor + (self % divisor == 0 ? 0 : 1) }

  /// The least number above zero that both divide, or `nil` when it overflows.
  ///
  /// - Precondition: both are above zero.
  package func checkedCommonMultiple(with other: Int) -> Int? {
    var (divisor, rest) = (self, other)
    while rest > 0 { (divisor, rest) = (rest, divisor % rest) }
    return (self / divisor).checkedMultiply(other)
  }
}

extension UInt64 {
  /// The sum, or `nil` when it overflows.
  package func checkedAdd(_ other: UInt64) -> UInt64? { exact(addingReportingOverflow(other)) }

  /// The difference, or `nil` when it is below zero.
  package func checkedSubtract(_ other: UInt64) -> UInt64? { exact(subtractingReportingOverflow(other)) }

  /// The product, or `nil` when it overflows.
  package func checkedMultiply(_ other: UInt64) -> UInt64? { exact(multipliedReportingOverflow(by: other)) }

  /// The least multiple of `alignment` that is not below this value, or `nil` when it overflows.
  ///
  /// - Precondition: `alignment` is above zero.
  package func checkedAlignUp(to alignment: UInt64) -> UInt64? { alignedUp(self, to: alignment) }
}

private func exact<Number>(_ result: (partialValue: Number, overflow: Bool)) -> Number? {
  result.overflow ? nil : result.partialValue
}

private func alignedUp<Number: FixedWidthInteger>(_ number: Number, to alignment: Number) -> Number? {
  let remainder = number % alignment
  return remainder == 0 ? number : exact(number.addingReportingOverflow(alignment - remainder))
}
