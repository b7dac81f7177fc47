// SPDX-License-Identifier: Apache-2.0
// Search by halving, for all that is in order.

extension Range<Int> {
  /// The first number of the range from which on a condition holds; the range's end where it holds for none.
  ///
  /// - Parameter belongs: the condition, which holds for all numbers behind one for which it holds.
  /// - Returns: that number, after about log₂ of the range's length calls.
  @inlinable package func partitioningIndex(where belongs: (Int) -> Bool) -> Int {
    var (low, high) = (lowerBound, upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      if belongs(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
