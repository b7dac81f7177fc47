// SPDX-License-Identifier: Apache-2.0
// What became of documents, for people and programs.
import IngotCorpus
import IngotKit

/// Corpora as text and JSON.
package enum CorpusText {
  /// A line a decision, then how near duplicates were found.
  package static func lines(_ report: CorpusReport, seconds: Double, style: TextStyle) -> [String] {
    let output = report.output.map { "  →  \(style.text(ErrorRenderer.name($0), .strong))" } ?? ""
    let inputs =
      report.inputs.count == 1
      ? ErrorRenderer.name(report.inputs[0]) : Count(report.inputs.count, "input").description
    var table = TableLayout([("documents", .left), ("", .right), ("", .right)])
    for (decision, count) in report.decisions where count > 0 || decision == .kept {
      let share = Double(count) / Double(max(1, report.documentCount))
      table.add([words(decision), String(count), Quantity.percent(share)])
    }
    var lines = [style.text(inputs, .strong) + output]
    lines += table.lines(style, hidesTitles: true)
    let rate = Quantity.bytes(Int(Double(report.byteCount) / max(seconds, 1e-9)))
    lines.append(
      "read \(Count(report.documentCount, "document")), \(Quantity.bytes(report.byteCount)) in \(Quantity.fixed(seconds, decimals: 2)) s, \(rate)/s"
        + (report.output == nil ? "" : " · wrote \(Quantity.bytes(report.writtenByteCount))"))
    if let near = report.recipe.nearDuplicates, let layout = report.layout {
      lines.append(
        "near duplicates from \(Quantity.fixed(near.threshold, decimals: 2)) ± \(Quantity.fixed(layout.standardError, decimals: 3)) of \(Count(near.shingleWords, "word"))' shingles, found at the threshold with \(Quantity.percent(layout.meeting(at: near.threshold)))"
      )
    }
    if report.passedOver.count > 0 {
      lines.append(style.text("note", .note) + "  " + passedOver(report.passedOver))
    }
    if report.crowdedCount > 0 {
      lines.append(
        style.text("note", .note)
          + "  \(Count(report.crowdedCount, "document")) with bands that more than \(BandTable.crowd) others have: copies of those may stay"
      )
    }
    return lines
  }

  private static func words(_ decision: CorpusDecision) -> String {
    switch decision {
    case .kept: "kept"
    case .notUTF8: "not UTF-8"
    case .tooShort: "too short"
    case .tooLong: "too long"
    case .fewLetters: "few letters"
    case .repeatedLines: "repeated lines"
    case .markup: "markup"
    case .exactDuplicate: "exact duplicates"
    case .nearDuplicate: "near duplicates"
    }
  }

  private static func passedOver(_ passedOver: PassedOver) -> String {
    let parts = [
      passedOver.hidden > 0
        ? "\(Count(passedOver.hidden, "hidden file or folder", "hidden files and folders"))" : nil,
      passedOver.linkedFolders > 0
        ? "\(Count(passedOver.linkedFolders, "link to a folder", "links to folders"))" : nil,
      passedOver.others > 0 ? "\(Count(passedOver.others, "other entry", "other entries"))" : nil,
    ]
    return "passed over: " + parts.compactMap { $0 }.joined(separator: ", ")
  }

  /// `ingot corpus --json`.
  package static func json(_ report: CorpusReport) -> String {
    let decisions = report.decisions.map { (decision, count) in
      Metadata.Entry(key: decision.rawValue, value: .int64(Int64(count)))
    }
    return JSONText.document([
      ("inputs", .array(report.inputs.map { .string($0) })),
      ("output", report.output.map { .string($0) } ?? .null),
      ("list", report.list.map { .string($0) } ?? .null),
      ("documents", .int64(Int64(report.documentCount))),
      ("decisions", .object(Metadata(decisions))),
      ("bytes_read", .int64(Int64(report.byteCount))),
      ("bytes_written", .int64(Int64(report.writtenByteCount))),
      ("near", near(report)),
      ("crowded", .int64(Int64(report.crowdedCount))),
      (
        "passed_over",
        .object(
          Metadata([
            .init(key: "hidden", value: .int64(Int64(report.passedOver.hidden))),
            .init(key: "linked_folders", value: .int64(Int64(report.passedOver.linkedFolders))),
            .init(key: "others", value: .int64(Int64(report.passedOver.others))),
          ]))
      ),
    ])
  }

  private static func near(_ report: CorpusReport) -> MetadataValue {
    guard let near = report.recipe.nearDuplicates, let layout = report.layout else { return .null }
    return .object(
      Metadata([
        .init(key: "threshold", value: .float64(near.threshold)),
        .init(key: "permutations", value: .int64(Int64(near.permutations))),
        .init(key: "shingle", value: .int64(Int64(near.shingleWords))),
        .init(key: "hash", value: .string(near.hash.rawValue)),
        .init(key: "bands", value: .int64(Int64(layout.bands))),
        .init(key: "rows", value: .int64(Int64(layout.rows))),
        .init(key: "standard_error", value: .float64(layout.standardError)),
        .init(key: "recall_at_threshold", value: .float64(layout.meeting(at: near.threshold))),
      ]))
  }
}
