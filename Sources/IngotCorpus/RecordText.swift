// SPDX-License-Identifier: Apache-2.0
// The text of a JSON Lines record: formats/json-lines.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The rules of JSON Lines with documents.
package enum JSONLinesRule: String, FormatRule {
  case object = "JL-01"
  case field = "JL-02"
}

/// Reads records.
enum RecordText {
  /// The text of a record.
  ///
  /// - Parameters:
  ///   - bytes: the batch.
  ///   - range: where the record is.
  ///   - field: the field that has the text.
  ///   - place: the record's place.
  /// - Returns: the text; `nil` where a string of the record is no Unicode.
  /// - Throws: ``IngotError/malformed(_:at:found:expected:)`` by the rules of the page.
  static func text(
    in bytes: [UInt8], _ range: Range<Int>, field: ExactName, at place: @autoclosure () -> Location
  ) throws(IngotError) -> String? {
    var found: String?
    var rule = JSONLinesRule.object
    var scanner = JSONScanner(bytes, range: range)
    do throws(JSONFailure) {
      try scanner.enterObject()
      while let key = try scanner.nextKey() {
        guard ExactName(key.name) == field else {
          try scanner.skipValue()
          continue
        }
        guard found == nil, try scanner.peek() == .string else {
          rule = .field
          let what: Evidence = found == nil ? "\(field.text) is not a string" : "\(field.text) again"
          throw JSONFailure(kind: .type, offset: key.offset, found: what, expected: "one string")
        }
        found = try scanner.string()
      }
      try scanner.finish()
    } catch {
      if error.kind == .encoding { return nil }
      var failure = error
      failure.offset -= range.lowerBound
      throw IngotError(failure, rule: rule.rule, at: place())
    }
    guard let found else {
      throw .malformed(
        JSONLinesRule.field.rule, at: place(), found: "no field \(field.text)", expected: "one, with a string"
      )
    }
    return found
  }
}
