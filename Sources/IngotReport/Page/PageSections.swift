// SPDX-License-Identifier: Apache-2.0
// The parts of a page before and behind the table of tensors: what it is, how it is quantized, what differs, what it computes.
import IngotFormats
import IngotKit

/// A part of a page.
struct PageSection {
  /// Where links lead.
  var id: HTML
  /// Its heading.
  var title: HTML
  /// What it says.
  var content: HTML

  /// The part as HTML.
  var html: HTML {
    "<section aria-labelledby=t-\(id)><h2 id=t-\(id)>\(title)</h2>\n\(content)</section>\n"
  }
}

/// What a column of a table is of.
enum ColumnKind {
  /// Words, on the left.
  case text
  /// Numbers, on the right.
  case number
  /// Drawings, which have no order.
  case drawing
}

/// Parts of a page.
enum PageSections {
  /// Entries of lists that are shown at the most.
  private static let listLimit = 60

  /// A table of plain text.
  ///
  /// - Parameters:
  ///   - label: what it is of.
  ///   - columns: titles, and what is below them.
  ///   - rows: the cells.
  ///   - hasNames: whether the first cell of a row is a tensor's name, whose lines may end anywhere.
  /// - Returns: the table.
  static func table(
    _ label: HTML, _ columns: [(title: HTML, kind: ColumnKind)], _ rows: [[HTML]], hasNames: Bool = false
  ) -> HTML {
    let titles = columns.map { column -> HTML in
      "<th scope=col\(column.kind == .number ? " class=n" : "" as HTML)>\(column.title)"
    }
    let lines = rows.map { row -> HTML in
      let cells = zip(row, columns).enumerated().map { index, pair -> HTML in
        if hasNames, index == 0 { return "<th scope=row>\(pair.0)" }
        return "<td\(pair.1.kind == .number ? " class=n" : "" as HTML)>\(pair.0)"
      }
      return "<tr>\(HTML(cells))</tr>"
    }
    return
      "<div class=scroll role=region aria-label=\"\(label)\" tabindex=0><table class=plain><thead><tr>\(HTML(titles))</tr></thead><tbody>\(HTML(lines))</tbody></table></div>"
  }

  // MARK: - What it is

  /// Formats, model, totals, metadata, remarks.
  static func overview(_ report: ModelReport) -> PageSection {
    let checkpoint = report.inspection.checkpoint
    let files = checkpoint.files.count { $0.unnamed == nil }
    let bad = report.nonFiniteCount
    var facts: [(HTML, HTML)] = [
      ("format", "\(checkpoint.format)"), ("on disk", "\(Quantity.bytes(checkpoint.byteCount))"),
      ("files", "\(files)"), ("tensors", "\(report.tensors.count)"),
      ("values", "\(Quantity.count(report.valueCount))"),
      ("bytes of tensors", "\(Quantity.bytes(report.byteCount))"),
    ]
    facts.append(
      ("not finite", bad > 0 ? "<span class=bad>\(Quantity.count(bad))</span>" : "0"))
    let cards = facts.map { name, value -> HTML in "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }
    return PageSection(
      id: "overview", title: "Overview",
      content: """
        <dl class=facts>\(HTML(cards))</dl>
        \(model(report))<div class=columns><div><h3>Element types</h3>\(types(report))</div><div>\(metadata(checkpoint))</div></div>\(findings(report.inspection.findings))
        """)
  }

  private static func model(_ report: ModelReport) -> HTML {
    let lines = InspectionText.identity(report.inspection).map { fact -> HTML in
      let label: HTML =
        switch fact.label {
        case .holds: "Holds "
        case .also: "Also "
        // They say so themselves.
        case .model, .names: ""
        }
      return "<p>\(label)\(fact.text)</p>"
    }
    guard report.inspection.model == nil, report.inspection.config == nil else { return HTML(lines) }
    let unknown: HTML =
      "<p class=dim>No model is known of it: no config names an architecture that is understood here, or none fits the names of its tensors.</p>"
    return unknown + HTML(lines)
  }

  private static func types(_ report: ModelReport) -> HTML {
    let rows = TypeTotal.all(of: report.inspection.selected).prefix(listLimit).map { sum -> [HTML] in
      let bits =
        sum.valueCount > 0
        ? Quantity.fixed(8 * Double(sum.byteCount) / Double(sum.valueCount), decimals: 2) : "–"
      return [
        "\(sum.label)", "\(sum.tensorCount)", "\(Quantity.count(sum.valueCount))",
        "\(Quantity.bytes(sum.byteCount))", "\(bits)",
      ]
    }
    return table(
      "Element types",
      [
        ("dtype", .text), ("tensors", .number), ("values", .number), ("bytes", .number),
        ("bits a value", .number),
      ], rows)
  }

  private static func metadata(_ checkpoint: Checkpoint) -> HTML {
    let entries = checkpoint.metadata.entries
    guard !entries.isEmpty else { return "" }
    let rows = entries.prefix(listLimit).map { entry -> [HTML] in
      [PageName.short(entry.key), cut(InspectionText.text(of: entry.value), limit: 160)]
    }
    let content = table("Metadata", [("key", .text), ("value", .text)], rows)
    let shown: HTML =
      entries.count > 8
      ? "<details><summary>\(Count(entries.count, "key"))</summary>\(content)</details>" : content
    return "<h3>Metadata</h3>\(shown)\(rest(entries.count, "key", command: "ingot inspect --json"))"
  }

  private static func rest(_ count: Int, _ one: StaticString, _ many: StaticString? = nil, command: HTML)
    -> HTML
  {
    guard count > listLimit else { return "" }
    return
      "<p class=dim>\(Count(count - listLimit, one, many)) more: <code>\(command)</code> has all.</p>"
  }

  private static func findings(_ findings: [Finding]) -> HTML {
    guard !findings.isEmpty else { return "" }
    let lines = findings.prefix(listLimit).map { finding -> HTML in
      let severity: HTML = finding.severity == .error ? "<b class=bad>error</b>" : "<b>note</b>"
      return
        "<li>\(severity) \(PageName.short(finding.subject)) \(cut(ErrorRenderer.text(finding.detail), limit: 300))</li>"
    }
    return
      "<h3>Remarks</h3><ul class=findings>\(HTML(lines))</ul>\(rest(findings.count, "remark", command: "ingot inspect --json"))"
  }

  /// Text of any length, cut.
  static func cut(_ text: String, limit: Int) -> HTML {
    guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return "\(text)" }
    return "\(String(text.unicodeScalars.prefix(limit)))<i class=cut>…</i>"
  }

  // MARK: - How it is quantized

  /// Schemes with their sizes; `nil` where nothing is quantized.
  static func quantization(_ report: ModelReport) -> PageSection? {
    var order: [String] = []
    var sums: [String: (tensors: Int, values: Int, bytes: Int, worst: Double?)] = [:]
    for (index, tensor) in report.tensors.enumerated() where tensor.descriptor.isQuantizedOnPage {
      let label = scheme(of: tensor.descriptor)
      if sums[label] == nil { order.append(label) }
      var sum = sums[label] ?? (0, 0, 0, nil)
      sum.tensors += 1
      sum.values += tensor.descriptor.shape.elementCount
      sum.bytes += tensor.descriptor.byteCount
      if let snr = report.changes?.byTensor[index]?.signalToNoise, snr.isFinite {
        sum.worst = min(sum.worst ?? .infinity, snr)
      }
      sums[label] = sum
    }
    guard !order.isEmpty else { return nil }
    let isCompared = sums.values.contains { $0.worst != nil }
    let rows = order.prefix(listLimit).compactMap { label -> [HTML]? in
      guard let sum = sums[label] else { return nil }
      let bits = sum.values > 0 ? 8 * Double(sum.bytes) / Double(sum.values) : 0
      let cells: [HTML] = [
        "\(label)", "\(sum.tensors)", "\(Quantity.count(sum.values))", "\(Quantity.bytes(sum.bytes))",
        "\(Quantity.fixed(bits, decimals: 2))",
      ]
      guard isCompared else { return cells }
      return cells + ["\(sum.worst.map { Quantity.fixed($0, decimals: 1) + " dB" } ?? "–")"]
    }
    let total = sums.values.reduce((0, 0)) { ($0.0 + $1.values, $0.1 + $1.bytes) }
    let bits = total.0 > 0 ? Quantity.fixed(8 * Double(total.1) / Double(total.0), decimals: 2) : "–"
    var columns: [(title: HTML, kind: ColumnKind)] = [
      ("scheme", .text), ("tensors", .number), ("values", .number), ("bytes", .number),
      ("bits a value", .number),
    ]
    if isCompared { columns.append(("worst SNR", .number)) }
    let hint: HTML =
      report.difference == nil
      ? "<p class=dim>What quantizing cost is measured against the original: <code>ingot report MODEL ORIGINAL</code>.</p>"
      : ""
    return PageSection(
      id: "quantization", title: "Quantization",
      content:
        "<p>\(bits) bits a quantized value, scales counted.</p>\(table("Schemes", columns, rows))\(hint)")
  }

  private static func scheme(of tensor: TensorDescriptor) -> String {
    if let blockType = tensor.blockType { return "blocks of \(blockType.rawValue)" }
    if let packing = tensor.packing { return packing.scheme }
    guard let quantization = tensor.quantization else { return "" }
    let each =
      switch quantization.scheme.granularity {
      case .perTensor: "one scale a tensor"
      case .perChannel(let axis): "a scale for each index of dimension \(axis)"
      case .perGroup(_, let size): "a scale for \(Count(size, "value")) of a channel"
      case .perBlock(let sizes): "a scale for a block of \(sizes.map(String.init).joined(separator: " × "))"
      case .perRun(let size): "a scale for \(Count(size, "value")) in a run"
      }
    let activations = quantization.scheme.activations == .none ? "" : ", int8 activations"
    return "\(tensor.dtype.rawValue), \(each)\(activations)\(quantization.keptWords)"
  }
}
