// SPDX-License-Identifier: Apache-2.0
// Names from files are compared by their bytes: Unicode's equivalence is not theirs to know.

/// A name that equals another only when their bytes do; `String` also takes composed and decomposed letters as equal.
package struct ExactName: Hashable, Sendable {
  /// The name.
  package let text: String

  /// Makes a name to be compared by its bytes.
  package init(_ text: String) { self.text = text }

  /// Whether both have the same UTF-8 bytes.
  package static func == (left: ExactName, right: ExactName) -> Bool {
    // In a table of many names, most that meet are not even as long.
    guard left.text.utf8.count == right.text.utf8.count else { return false }
    var (left, right) = (left.text, right.text)
    return left.withUTF8 { left in right.withUTF8 { right in left.elementsEqual(right) } }
  }

  /// Feeds the UTF-8 bytes.
  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// The texts before and behind a separator, which may have a combining mark behind it.
  ///
  /// - Parameters:
  ///   - separator: what stands between.
  ///   - last: whether the last one divides, and not the first.
  /// - Returns: both texts; `nil` when the separator is not there.
  package func divided(at separator: Unicode.Scalar, last: Bool = false) -> (before: String, behind: String)?
  {
    let scalars = unicodeScalars
    guard let place = last ? scalars.lastIndex(of: separator) : scalars.firstIndex(of: separator) else {
      return nil
    }
    return (String(scalars[..<place]), String(scalars[scalars.index(after: place)...]))
  }
}
