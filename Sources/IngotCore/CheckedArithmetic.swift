// SPDX-License-Identifier: Apache-2.0
// Arithmetic for sizes that come from files: an overflow is `nil`, never a trap and never a wrapped value.

extension FixedWidthInteger {
  /// The sum, or `nil` when it overflows.
  public func checkedAdd(_ other: Self) -> Self? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The difference, or `nil` when it overflows (below zero for unsigned types).
  public func checkedSubtract(_ other: Self) -> Self? {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? nil : difference
  }

  /// The product, or `nil` when it overflows.
  public func checkedMultiply(_ other: Self) -> Self? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// The least multiple of `alignment` that is not below this value, or `nil` when it overflows.
  ///
  /// - Precondition: `alignment` is above zero.
  public func checkedAlignUp(to alignment: Self) -> Self? {
    let remainder = self % alignment
    return remainder == 0 ? self : checkedAdd(alignment - remainder)
  }
}
