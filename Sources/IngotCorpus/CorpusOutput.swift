// SPDX-License-Identifier: Apache-2.0
// What is written of the documents that are kept, and the list of what became of all.
import IngotBytes
import IngotCore
import IngotEncodings

/// How documents are written.
package struct CorpusForm: Hashable, Sendable {
  /// Whether each document is a JSON object on a line of its own; otherwise they are texts behind each other.
  package var isJSONLines: Bool
  /// The field that has the text.
  package var field: String
  /// What stands between two texts.
  package var separator: String

  /// Describes a form.
  package init(isJSONLines: Bool = true, field: String = "text", separator: String = "\n\n") {
    self.isJSONLines = isJSONLines
    self.field = field
    self.separator = separator
  }
}

/// Writes documents.
struct CorpusWriter {
  /// Where to.
  let output: StreamedOutput
  private let form: CorpusForm
  private var isFirst = true

  init(_ form: CorpusForm, to target: any OutputTarget) {
    self.form = form
    output = StreamedOutput(target)
  }

  /// Writes a document; a record goes from lines to lines as it is, with all of its fields.
  mutating func write(_ document: MeasuredDocument, in bytes: [UInt8]) throws(IngotError) {
    let raw = document.raw
    if form.isJSONLines {
      if raw.source.form == .jsonLines {
        try output.write(bytes[raw.recordRange(in: bytes)])
      } else {
        let text = String(decoding: bytes[raw.range], as: UTF8.self)
        let record = "{\(JSONWriter.quoted(form.field)):\(JSONWriter.quoted(text))}"
        // Escapes are longer than what they stand for, and what is written is to be read again.
        guard record.utf8.count <= Limit.corpusDocumentBytes.value else {
          throw .limitExceeded(
            .corpusDocumentBytes, at: raw.source.location(raw.number), asked: UInt64(record.utf8.count))
        }
        try output.write(record.utf8)
      }
      try output.write(CollectionOfOne(UInt8(ascii: "\n")))
      return
    }
    if !isFirst { try output.write(form.separator.utf8) }
    isFirst = false
    if let text = document.recordText {
      try output.write(text.utf8)
    } else {
      try output.write(bytes[raw.range])
    }
  }
}

/// Writes the list of decisions: docs/corpus.md has its fields.
struct DecisionList {
  /// Where to.
  let output: StreamedOutput

  init(to target: any OutputTarget) { output = StreamedOutput(target) }

  /// Writes the line of a document.
  func write(_ document: RawDocument, number: UInt32, _ ruling: Ruling) throws(IngotError) {
    var line = Metadata([
      .init(key: "document", value: .uint32(number)),
      .init(key: "source", value: .string(PathText.shown(document.source.path))),
      .init(
        key: document.source.form == .text ? "piece" : "line", value: .int64(Int64(document.number))),
      .init(key: "decision", value: .string(ruling.decision.rawValue)),
    ])
    if let original = ruling.original { line["of"] = .int64(Int64(original)) }
    if let similarity = ruling.similarity { line["similarity"] = .float64(similarity) }
    if let measure = ruling.measure { line["measure"] = .float64(measure) }
    try output.write(JSONWriter.text(line).utf8)
    try output.write(CollectionOfOne(UInt8(ascii: "\n")))
  }
}
