// SPDX-License-Identifier: Apache-2.0
// The parts of a page that hold a model against another: what differs, and what both compute on a text.
import IngotKit

extension PageSections {
  /// Bytes that rows of changed tensors take at the most, and names on one side alone that are listed.
  private static let (changeByteLimit, nameLimit) = (250_000, 50)

  /// What differs from the original; `nil` where there is none.
  static func difference(_ report: ModelReport) -> PageSection? {
    guard let difference = report.difference else { return nil }
    let (changed, equal) = (difference.changed, difference.equalCount)
    let alone = (difference.loneFirst, difference.loneSecond)
    let matching: HTML =
      difference.matching.map { matching in
        "<p class=dim>Parameters are matched by what they are for, in the names of <code>\(matching.names)</code> (\(matching.dialects.0) and \(matching.dialects.1)); \(Count(matching.transposedCount, "matrix", "matrices")) transposed.</p>"
      } ?? ""
    let renamed: HTML =
      difference.renamed.isEmpty ? "" : "\(difference.renamed.count) equal under other names, "
    let verdict: HTML =
      difference.isEqual
      ? "<p><b>Identical</b>: \(Count(equal, "tensor")) with the same values.</p>"
      : "<p>\(Count(equal, "tensor")) equal, \(renamed)\(changed.count) changed, \(alone.0.count) in the original alone, \(alone.1.count) in this one alone.</p>"
    let pairs = DiffText.renamings(difference.renamed, isUnfolded: false)
    let lists = [
      names(pairs, "Equal under other names", count: difference.renamed.count),
      names(alone.0, "In the original alone", count: alone.0.count),
      names(alone.1, "In this one alone", count: alone.1.count),
    ]
    return PageSection(
      id: "difference", title: "Difference from the original",
      content: """
        <p>Original: <code>\(PageName.short(difference.first))</code></p>\(verdict)\(matching)\(changes(changed))\(HTML(lists))
        """)
  }

  /// The table of changed tensors, folded as `ingot diff` folds them.
  private static func changes(_ changes: [DiffReport.Change]) -> HTML {
    guard !changes.isEmpty else { return "" }
    // What has no number, or NaN, comes first.
    let found = ChangeRow.rows(of: changes, isUnfolded: false)
    let distances = found.map { $0.changes.reduce(0) { max($0, distance($1)) } }
    let order = found.indices.sorted { left, right in
      let (a, b) = (distances[left], distances[right])
      return a == b ? left < right : a > b
    }
    var rows: [[HTML]] = []
    var byteCount = 0
    var left = changes.count
    for index in order where byteCount < changeByteLimit {
      let cells = row(found[index])
      rows.append(cells)
      byteCount += cells.reduce(0) { $0 + $1.byteCount }
      left -= found[index].changes.count
    }
    let more: HTML =
      left > 0
      ? "<p class=dim>\(Count(left, "more tensor")) changed less: <code>ingot diff</code> lists all.</p>" : ""
    let list = table(
      "Changed tensors",
      [
        ("changed", .text), ("dtype", .text), ("shape", .text), ("largest", .number), ("at", .text),
        ("relative", .number), ("SNR", .number), ("values", .number), ("", .text),
      ], rows, hasNames: true)
    return
      "<p class=dim>The largest differences first; relative is the root mean square over the original's. Of tensors that fold into one row the worst figures are shown.</p>\(list)\(more)"
  }

  private static func row(_ row: ChangeRow) -> [HTML] {
    let isOne = row.changes.count == 1
    let times: HTML = isOne ? "" : " <span class=times>× \(row.changes.count)</span>"
    var notes: [String] = []
    if let dtype = row.first.isCastTo {
      notes.append("the original cast to \(dtype.rawValue)")
    } else if let dtype = row.first.isCastFrom {
      notes.append("the original is this cast to \(dtype.rawValue)")
    }
    if row.first.hasSameNumbers { notes.append(DiffReport.Change.sameNumbersNote) }
    return [
      "\(PageName.inColumn(isOne ? row.first.name : row.name))\(times)", "\(row.types)", "\(row.shapes)",
      "\(row.largest)", "\(row.place)", "\(row.relative)", "\(row.signalToNoise)", "\(row.values)",
      "\(notes.joined(separator: ", "))",
    ]
  }

  private static func distance(_ change: DiffReport.Change) -> Double {
    change.rmsRel.map { $0.isNaN ? .infinity : $0 } ?? .infinity
  }

  /// A list of names that is folded away; so many tensors have them.
  private static func names(_ names: [String], _ title: HTML, count: Int) -> HTML {
    guard !names.isEmpty else { return "" }
    let items = names.prefix(nameLimit).map { name -> HTML in "<li><code>\(PageName.short(name))</code></li>"
    }
    let more: HTML =
      names.count > nameLimit
      ? "<p class=dim>\(Count(names.count - nameLimit, "more name")): <code>ingot diff --json</code> lists all.</p>"
      : ""
    return
      "<details><summary>\(title): \(Count(count, "tensor"))</summary><ul class=findings>\(HTML(items))</ul>\(more)</details>"
  }

  /// What the model computes on a text; `nil` where nobody asked.
  static func evaluation(_ report: ModelReport) -> PageSection? {
    guard let figures = report.evaluation else { return nil }
    let perplexity = EvaluationText.perplexityName(figures)
    var facts: [(String, String)] = [
      ("tokens", Quantity.count(figures.loss.tokenCount)),
      ("loss, nats a token", Quantity.fixed(figures.loss.mean, decimals: 4)),
      (perplexity, Quantity.fixed(figures.loss.perplexity, decimals: 2)),
    ]
    if let bits = figures.bitsPerByte { facts.append(("bits a byte", Quantity.fixed(bits, decimals: 4))) }
    if let baseline = figures.baselineLoss {
      facts.append(("original's \(perplexity)", Quantity.fixed(baseline.perplexity, decimals: 2)))
    }
    if let paired = figures.paired {
      let difference = Quantity.fixed(paired.perplexityDifference, decimals: 4)
      facts.append(("difference", "\(difference) ± \(Quantity.fixed(paired.standardError, decimals: 4))"))
    }
    if let divergence = figures.divergence {
      facts += [
        ("KL, nats a token", Quantity.scientific(divergence.mean)),
        ("KL, median", Quantity.scientific(divergence.median)),
        ("KL, 99th percentile", Quantity.scientific(divergence.percentile99)),
        ("KL, largest", Quantity.scientific(divergence.largest)),
        ("same likeliest token", Quantity.percent(divergence.top1Agreement)),
      ]
    }
    let cards = facts.map { name, value -> HTML in "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }
    let note: HTML =
      figures.kind == .pseudoLogLikelihood
      ? "<p class=dim>By pseudo-log-likelihood: each token hidden in turn.</p>" : ""
    return PageSection(
      id: "text", title: "On a text",
      content: """
        <p>Measured on <code>\(PageName.short(report.text ?? ""))</code>\(figures.against.map { against -> HTML in ", against <code>\(PageName.short(against))</code>" } ?? "").</p>\(note)<dl class=facts>\(HTML(cards))</dl>
        """)
  }
}
