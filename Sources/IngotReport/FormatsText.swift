// SPDX-License-Identifier: Apache-2.0
// What is read and written, from the registry.
import IngotFormats
import IngotKit

/// The list of formats as text and JSON.
package enum FormatsText {
  /// A table of all formats.
  package static func lines(style: TextStyle) -> [String] {
    var table = TableLayout([
      ("format", .left), ("read", .left), ("write", .left), ("shards", .left), ("extensions", .left),
      ("page", .left),
    ])
    for format in FormatRegistry.formats {
      let writer = format.writer
      table.add([
        format.id, "yes", writer == nil ? "no" : "yes", writer?.shards == true ? "yes" : "no",
        (format.fileExtensions.map { "." + $0 } + [format.fileName].compactMap(\.self)).joined(
          separator: " "),
        "formats/" + format.page,
      ])
    }
    return table.lines(style)
  }

  /// The same as JSON.
  package static func json() -> String {
    let formats = FormatRegistry.formats.map { format in
      MetadataValue.object(
        Metadata([
          .init(key: "id", value: .string(format.id)), .init(key: "title", value: .string(format.title)),
          .init(key: "read", value: .bool(true)), .init(key: "write", value: .bool(format.writer != nil)),
          .init(key: "shards", value: .bool(format.writer?.shards == true)),
          .init(key: "extensions", value: .array(format.fileExtensions.map { .string($0) })),
          .init(key: "page", value: .string("formats/" + format.page)),
        ]))
    }
    return JSONText.document([("formats", .array(formats))])
  }
}
