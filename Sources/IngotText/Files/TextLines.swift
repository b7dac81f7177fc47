// SPDX-License-Identifier: Apache-2.0
// Lines of the text files of tokenizers, cut where Python cuts what it opens as text.

extension Collection<UInt8> {
  /// The lines without their ends: a line feed, a carriage return, or one behind the other.
  ///
  /// What is behind the last end is a line only if there is something.
  func textLines() -> [SubSequence] {
    var lines: [SubSequence] = []
    var (start, index) = (startIndex, startIndex)
    while index != endIndex {
      let (byte, end) = (self[index], index)
      formIndex(after: &index)
      guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else { continue }
      lines.append(self[start..<end])
      if byte == UInt8(ascii: "\r"), index != endIndex, self[index] == UInt8(ascii: "\n") {
        formIndex(after: &index)
      }
      start = index
    }
    return start == endIndex ? lines : lines + [self[start...]]
  }
}
