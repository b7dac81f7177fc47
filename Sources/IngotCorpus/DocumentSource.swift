// SPDX-License-Identifier: Apache-2.0
// Where documents come from, and how a file is made of them.
import IngotBytes
import IngotCore

/// How a file holds documents.
public enum DocumentForm: String, CaseIterable, Hashable, Sendable {
  /// A JSON object a line, whose text is in one of its fields.
  case jsonLines = "jsonl"
  /// A document a line.
  case lines
  /// A file is a document, or several with a separator between.
  case text

  /// The form that a file's name tells.
  static func of(_ path: String) -> DocumentForm {
    ["jsonl", "ndjson"].contains(FilePath.fileExtension(of: path)) ? .jsonLines : .text
  }

  /// The form of what begins so, with no name to tell: objects of JSON, or text.
  static func sniffed(_ start: ArraySlice<UInt8>) -> DocumentForm {
    start.first { !isSpace($0) } == UInt8(ascii: "{") ? .jsonLines : .text
  }
}

/// A file of documents, or standard input.
package final class DocumentSource: Sendable {
  /// What it is called.
  package let path: String
  /// How it holds documents.
  package let form: DocumentForm

  init(path: String, form: DocumentForm) {
    self.path = path
    self.form = form
  }

  /// The place of a document in it.
  func location(_ number: Int) -> Location {
    form == .text ? Location(path) : Location(path, line: number)
  }
}

/// A document as it was read.
package struct RawDocument {
  /// The source.
  package let source: DocumentSource
  /// The line in it, or in a text the piece, from 1.
  package let number: Int
  /// Its bytes in the batch.
  package let range: Range<Int>
}

/// Whether a byte is white space of ASCII.
func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
