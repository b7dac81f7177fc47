// SPDX-License-Identifier: Apache-2.0
// The parts of a page that hold a model against another: what differs, and what both compute on a text.
import IngotKit

extension PageSections {
  /// Changed tensors and their bytes, and names on one side alone, that are listed at the most.
  private static let (changeLimit, changeByteLimit, nameLimit) = (400, 250_000, 50)

  /// What differs from the original; `nil` where there is none.
  static func difference(_ report: ModelReport) -> PageSection? {
    guard let difference = report.difference else { return nil }
    let (changed, equal) = (difference.changed, difference.equalCount)
    let matching: HTML =
      difference.matching.map { matching in
        "<p class=dim>Parameters are matched by what they are for, in the names of <code>\(matching.names)</code> (\(matching.dialects.0) and \(matching.dialects.1)); \(Count(matching.transposedCount, "matrix", "matrices")) transposed.</p>"
      } ?? ""
    let verdict: HTML =
      difference.isEqual
      ? "<p><b>Identical</b>: \(Count(equal, "tensor")) with the same values.</p>"
      : "<p>\(Count(equal, "tensor")) equal, \(changed.count) changed, \(difference.onlyFirst.count) in the original alone, \(difference.onlySecond.count) in this one alone.</p>"
    return PageSection(
      id: "difference", title: "Difference from the original",
      content: """
        <p>Original: <code>\(PageName.short(difference.first))</code></p>\(verdict)\(matching)\(changes(changed))\(names(difference.onlyFirst, "In the original alone"))\(names(difference.onlySecond, "In this one alone"))
        """)
  }

  private static func changes(_ changes: [DiffReport.Change]) -> HTML {
    guard !changes.isEmpty else { return "" }
    // What has no number, or NaN, comes first.
    let sorted = changes.enumerated().sorted { left, right in
      let (a, b) = (distance(left.element), distance(right.element))
      return a == b ? left.offset < right.offset : a > b
    }.map(\.element)
    var rows: [[HTML]] = []
    var byteCount = 0
    for change in sorted.prefix(changeLimit) where byteCount < changeByteLimit {
      rows.append(row(change))
      byteCount += rows[rows.count - 1].reduce(0) { $0 + $1.byteCount }
    }
    let more: HTML =
      sorted.count > rows.count
      ? "<p class=dim>\(Count(sorted.count - rows.count, "more tensor")) changed less: <code>ingot diff</code> lists all.</p>"
      : ""
    let list = table(
      "Changed tensors",
      [
        ("changed", false), ("dtype", false), ("shape", false), ("largest", true), ("relative", true),
        ("SNR", true), ("values", true), ("", false),
      ], rows)
    return
      "<p class=dim>The largest differences first; relative is the root mean square over the original's.</p>\(list)\(more)"
  }

  private static func row(_ change: DiffReport.Change) -> [HTML] {
    let types =
      change.typeNames.0 == change.typeNames.1
      ? change.typeNames.0 : "\(change.typeNames.0) → \(change.typeNames.1)"
    let shape =
      change.shapes.0 == change.shapes.1
      ? change.shapes.0.label : "\(change.shapes.0.label) → \(change.shapes.1.label)"
    let cast =
      change.isCastTo.map { "the original cast to \($0.rawValue)" }
      ?? change.isCastFrom.map { "the original is this cast to \($0.rawValue)" } ?? ""
    return [
      "<code>\(PageName.short(change.name))</code>", "\(types)", "\(shape)",
      "\(change.maxAbs.map(Quantity.scientific) ?? "–")",
      "\(change.rmsRel.map(Quantity.scientific) ?? "–")",
      "\(change.signalToNoise.map { $0.isFinite ? Quantity.fixed($0, decimals: 1) + " dB" : "–" } ?? "–")",
      "\(change.differingCount.map { Quantity.count($0) } ?? "–")", "\(cast)",
    ]
  }

  private static func distance(_ change: DiffReport.Change) -> Double {
    change.rmsRel.map { $0.isNaN ? .infinity : $0 } ?? .infinity
  }

  private static func names(_ names: [String], _ title: HTML) -> HTML {
    guard !names.isEmpty else { return "" }
    let items = names.prefix(nameLimit).map { name -> HTML in "<li><code>\(PageName.short(name))</code></li>"
    }
    let more: HTML =
      names.count > nameLimit
      ? "<p class=dim>\(Count(names.count - nameLimit, "more name")): <code>ingot diff --json</code> lists all.</p>"
      : ""
    return
      "<details><summary>\(title): \(Count(names.count, "tensor"))</summary><ul class=findings>\(HTML(items))</ul>\(more)</details>"
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
