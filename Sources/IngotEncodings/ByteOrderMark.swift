// SPDX-License-Identifier: Apache-2.0
// The mark that some editors put before text in UTF-8: it belongs to no format that is read.

extension [UInt8] {
  /// The bytes behind a byte order mark of UTF-8; all of them where there is none.
  package var withoutByteOrderMark: ArraySlice<UInt8> {
    starts(with: [0xEF, 0xBB, 0xBF]) ? self[3...] : self[...]
  }
}
