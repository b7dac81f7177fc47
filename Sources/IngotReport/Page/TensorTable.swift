// SPDX-License-Identifier: Apache-2.0
// The table of tensors: a row for each family, its members folded below it. How much of it a page holds is bounded; what is
// left out is counted.
import IngotKit

/// The table of a report's tensors.
struct TensorTable {
  /// Bytes that a family's row takes about, and a member's.
  private static let (rowBytes, memberBytes) = (1400, 450)

  private let report: ModelReport
  /// All families, the largest first.
  private let order: [Int]
  private let isCompared: Bool
  private let isQuantized: Bool
  /// The families that have a row.
  private var rowAnchors: Set<Int> = []

  init(_ report: ModelReport) {
    self.report = report
    let sizes = report.families.map { family in
      family.tensors.members.reduce(0) { $0 + report.tensors[$1].descriptor.byteCount }
    }
    order = sizes.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    isQuantized = report.tensors.contains { $0.descriptor.isQuantizedOnPage }
    isCompared = report.changes != nil
  }

  /// The name of a family's row on the page.
  func anchor(_ family: Int) -> String? { rowAnchors.contains(family) ? "f\(family)" : nil }

  /// The table.
  ///
  /// - Parameter byteLimit: bytes that its rows may take; smaller families have none then.
  /// - Returns: the table, with notes on what is left out.
  mutating func html(byteLimit: Int) -> HTML {
    var names = PageName()
    let rows = rows(byteLimit, &names)
    rowAnchors = Set(rows.keys)
    var left = (families: 0, tensors: 0, bytes: 0, nonFinite: 0)
    for index in report.families.indices where rows[index] == nil {
      let family = report.families[index]
      left.families += 1
      left.tensors += family.tensors.members.count
      left.bytes += family.tensors.members.reduce(0) { $0 + report.tensors[$1].descriptor.byteCount }
      left.nonFinite += (family.statistics?.nanCount ?? 0) + (family.statistics?.infinityCount ?? 0)
    }
    let listed = rows.sorted { $0.key < $1.key }.map(\.value)
    return """
      <div class=scroll role=region aria-label="Table of tensors" tabindex=0><table id=tensors><thead><tr>\(HTML(columns.map(heading)))</tr></thead>\(HTML(listed))</table></div>
      \(notes(left, cutNames: names.cutCount))
      """
  }

  /// The rows that there is room for, by family: those of the largest, with fewer of their members where it gets narrow.
  private func rows(_ byteLimit: Int, _ names: inout PageName) -> [Int: HTML] {
    // Two thirds of the room are for families where there are many.
    let likely = order.prefix(max(1, byteLimit / 3 * 2 / Self.rowBytes))
    let limit = memberLimit(of: likely, byteLimit - likely.count * Self.rowBytes)
    var rows: [Int: HTML] = [:]
    var room = byteLimit
    for (place, index) in order.enumerated() {
      var found: HTML?
      for limit in place < likely.count ? [limit, limit / 4, 0] : [0] {
        var attempt = names
        let row = row(index, memberLimit: limit, &attempt)
        guard row.byteCount <= room else { continue }
        (found, names) = (row, attempt)
        break
      }
      // All that follow are smaller, and a page of holes says less.
      guard let found else { break }
      rows[index] = found
      room -= found.byteCount
    }
    return rows
  }

  /// How many members of a family are listed: as many as there is room for, shared evenly.
  private func memberLimit(of families: ArraySlice<Int>, _ byteCount: Int) -> Int {
    let counts = families.map { report.families[$0].tensors.members.count }.filter { $0 > 1 }
    let sumLimit = max(0, byteCount / Self.memberBytes)
    let most = counts.max() ?? 0
    return (0..<most).partitioningIndex { limit in
      counts.reduce(0) { $0 + min($1, limit + 1) } > sumLimit
    }
  }

  /// A column: its title, what is below it, and what that says.
  private typealias Column = (title: HTML, kind: ColumnKind, help: String)

  private var columns: [Column] {
    var columns: [Column] = [
      ("name", .text, "Names of repeated blocks are folded"), ("dtype", .text, "What values are stored as"),
      ("shape", .text, "Dimensions, outermost first"), ("bytes", .number, "Bytes of all tensors of the row"),
    ]
    if isQuantized { columns.append(("bits", .number, "Bits a value takes, scales counted")) }
    columns += [
      ("values", .drawing, "How values are spread"), ("min", .number, "The least value"),
      ("max", .number, "The largest value"), ("mean", .number, "The mean"),
      ("deviation", .number, "The standard deviation"),
      ("zeros", .number, "The share of values that are zero"),
      ("not finite", .number, "Values that are NaN or infinite"),
      ("outliers", .number, "Values beyond six standard deviations from the mean"),
    ]
    if isCompared {
      columns.append(("SNR", .number, "Signal to noise: the original's values over what differs"))
    }
    return columns
  }

  private func heading(_ column: Column) -> HTML {
    let mark: HTML =
      switch column.kind {
      case .text: ""
      case .number: " class=n"
      case .drawing: " data-unordered"
      }
    return "<th scope=col\(mark) title=\"\(column.help)\">\(column.title)"
  }

  // MARK: - Rows

  private func row(_ index: Int, memberLimit: Int, _ names: inout PageName) -> HTML {
    let family = report.families[index]
    let members = family.tensors.members
    let first = report.tensors[members[0]]
    let isOne = members.count == 1
    let bytes = members.reduce(0) { $0 + report.tensors[$1].descriptor.byteCount }
    let bins = isOne ? first.detail?.bins : family.bins
    let id = "h\(index)"
    let times: HTML = isOne ? "" : " <span class=times>× \(members.count)</span>"
    var cells: HTML = """
      <th scope=row>\(PageName.inColumn(family.tensors.name))\(times)\(alias(first, isOne: isOne))</th><td>\(first.descriptor.typeLabel)</td><td>\(first.descriptor.shape.label)</td>\(number(Quantity.bytes(bytes), Double(bytes)))
      """
    if isQuantized {
      cells += real(
        first.descriptor.isQuantizedOnPage || first.bitsPerValue != nil ? first.bitsPerValue : nil,
        decimals: 2)
    }
    cells += "<td>\(HistogramDrawing.small(bins, id: id, label: spread(family.statistics)))</td>"
    cells += statistics(family.statistics)
    let tails = members.compactMap { report.tensors[$0].detail?.tails?.count }
    cells +=
      tails.isEmpty ? "<td class=n>–" : number(Quantity.count(tails.reduce(0, +)), Double(tails.reduce(0, +)))
    if isCompared { cells += signalToNoise(members) }
    let more = details(index, memberLimit: memberLimit, bins: bins == nil ? nil : (bins ?? [], id), &names)
    return
      "<tbody id=f\(index)><tr>\(cells)</tr><tr class=more><td colspan=\(columns.count)>\(more)</td></tr></tbody>\n"
  }

  private func alias(_ tensor: ModelReport.Tensor, isOne: Bool) -> HTML {
    guard isOne, let other = tensor.descriptor.aliasOf else { return "" }
    return " <span class=dim>= \(PageName.short(other))</span>"
  }

  /// What a histogram shows, in words.
  private func spread(_ statistics: ElementStatistics?) -> String {
    guard let statistics, let low = statistics.min, let high = statistics.max else {
      return "no finite values"
    }
    return "values from \(Quantity.real(low)) to \(Quantity.real(high))"
  }

  private func statistics(_ statistics: ElementStatistics?) -> HTML {
    guard let statistics else { return HTML((0..<6).map { _ in "<td class=n>–" }) }
    let bad = statistics.nanCount + statistics.infinityCount
    let mark: HTML = bad > 0 ? " class=\"n bad\"" : " class=n"
    let words: HTML =
      bad > 0
      ? "\(Quantity.count(bad)) <span class=dim>\(statistics.nanCount > 0 ? "NaN" : "")\(statistics.nanCount > 0 && statistics.infinityCount > 0 ? ", " : "")\(statistics.infinityCount > 0 ? "∞" : "")</span>"
      : "0"
    let zeros = statistics.count > 0 ? Double(statistics.zeroCount) / Double(statistics.count) : 0
    return real(statistics.min) + real(statistics.max) + real(statistics.mean)
      + real(statistics.standardDeviation) + number(share(zeros), zeros) + "<td\(mark) data-v=\(bad)>\(words)"
  }

  private func share(_ share: Double) -> String {
    share == 0 ? "0" : share < 0.0005 ? "< 0.1 %" : Quantity.percent(share)
  }

  private func number(_ text: String, _ value: Double) -> HTML {
    "<td class=n data-v=\"\(String(value))\">\(text)"
  }

  private func real(_ value: Double?, decimals: Int? = nil) -> HTML {
    guard let value else { return "<td class=n>–" }
    return number(decimals.map { Quantity.fixed(value, decimals: $0) } ?? Quantity.real(value), value)
  }

  /// The worst of tensors, in decibels.
  private func signalToNoise(_ members: [Int]) -> HTML {
    let changed = members.compactMap { report.changes?.byTensor[$0] }
    guard !changed.isEmpty else {
      let isUnmatched = members.allSatisfy { report.changes?.unmatched.contains($0) ?? true }
      return isUnmatched ? "<td class=n>–" : number("same", 1e9)
    }
    guard let worst = changed.compactMap(\.signalToNoise).min() else { return "<td class=n>–" }
    return number(
      worst.isFinite ? Quantity.fixed(worst, decimals: 1) + " dB" : "–", worst.isFinite ? worst : -1e9)
  }

  // MARK: - Below a row

  private func details(
    _ index: Int, memberLimit: Int, bins: (bins: [ValueHistogram.Bin], id: String)?, _ names: inout PageName
  ) -> HTML {
    let family = report.families[index]
    let members = family.tensors.members
    let large = bins.map { HistogramDrawing.large($0.bins, of: $0.id) } ?? ""
    let whole = names.whole(family.tensors.name)
    guard members.count > 1 else {
      return
        "<details><summary>more</summary>\(whole)\(large)\(standout(report.tensors[members[0]], report.changes?.byTensor[members[0]]))</details>"
    }
    let shown = members.prefix(memberLimit)
    let others = members.count - shown.count
    let rest: HTML =
      others > 0
      ? "<p class=dim>\(shown.isEmpty ? Count(others, "tensor") : Count(others, "more tensor")) of this family not listed: <code>ingot inspect --all</code> lists each.</p>"
      : ""
    let titles: HTML = """
      <th scope=col>name<th scope=col>values<th scope=col class=n>min<th scope=col class=n>max<th scope=col class=n>mean<th scope=col class=n>deviation<th scope=col class=n>not finite<th scope=col>what stands out
      """
    let table: HTML =
      shown.isEmpty
      ? ""
      : "<table class=members><thead><tr>\(titles)</tr></thead><tbody>\(HTML(shown.map(member)))</tbody></table>"
    return
      "<details><summary>\(Count(members.count, "tensor"))</summary>\(whole)\(large)\(table)\(rest)</details>"
  }

  private func member(_ index: Int) -> HTML {
    let tensor = report.tensors[index]
    let statistics = tensor.statistics
    let bad = (statistics?.nanCount ?? 0) + (statistics?.infinityCount ?? 0)
    func cell(_ value: Double?) -> HTML { "<td class=n>\(value.map(Quantity.real) ?? "–")" }
    let mark: HTML = bad > 0 ? "\"n bad\"" : "n"
    let numbers =
      cell(statistics?.min) + cell(statistics?.max) + cell(statistics?.mean)
      + cell(statistics?.standardDeviation)
    return
      "<tr><th scope=row>\(PageName.inColumn(tensor.descriptor.name))<td>\(HistogramDrawing.small(tensor.detail?.bins))\(numbers)<td class=\(mark)>\(statistics == nil ? "–" : Quantity.count(bad))<td>\(standout(tensor, report.changes?.byTensor[index]))</tr>"
  }

  /// What stands out of a tensor: values in its tails, rows and columns, and what differs from the original.
  private func standout(_ tensor: ModelReport.Tensor, _ change: DiffReport.Change?) -> HTML {
    var lines: [HTML] = []
    if let tails = tensor.detail?.tails, tails.count > 0 {
      lines.append(
        "\(Count(tails.count, "value")) ≤ \(Quantity.real(tails.lower)) or ≥ \(Quantity.real(tails.upper))")
    }
    for (channels, word) in [
      (tensor.detail?.outlierRows, "row"), (tensor.detail?.outlierColumns, "column"),
    ] {
      guard let channels, channels.count > 0 else { continue }
      let first = channels.first.map(String.init).joined(separator: ", ")
      let more = channels.count > channels.first.count ? ", …" : ""
      let count = word == "row" ? Count(channels.count, "row") : Count(channels.count, "column")
      lines.append("\(count) far larger than the others: \(first)\(more)")
    }
    if let change, let maxAbs = change.maxAbs {
      let decibels = change.signalToNoise.map {
        $0.isFinite ? ", SNR \(Quantity.fixed($0, decimals: 1)) dB" : ""
      }
      lines.append("off the original by up to \(Quantity.scientific(maxAbs))\(decibels ?? "")")
    }
    if lines.isEmpty, tensor.statistics != nil, tensor.detail == nil {
      lines.append("not looked at: among the smaller of many tensors")
    }
    guard !lines.isEmpty else { return "<span class=dim>–</span>" }
    return HTML(lines.enumerated().map { $0.offset > 0 ? "<br>\($0.element)" : $0.element })
  }

  // MARK: - What is left out

  private func notes(
    _ left: (families: Int, tensors: Int, bytes: Int, nonFinite: Int), cutNames: Int
  ) -> HTML {
    var notes: [HTML] = []
    if left.families > 0 {
      notes.append(
        "Left out: \(Count(left.families, "smaller family", "smaller families")) of \(Count(left.tensors, "tensor")) with \(Quantity.bytes(left.bytes)) and \(Count(left.nonFinite, "value")) not finite. <code>ingot inspect --stats</code> lists each tensor."
      )
    }
    if !report.tensors.isDetailed {
      notes.append(
        "Histograms and outliers are of the \(Count(report.tensors.detailCount, "largest tensor")) and of folded families; statistics are of all."
      )
    }
    if cutNames > 0 {
      notes.append(
        "\(Count(cutNames, "long name")) shown without the middle alone; <code>ingot inspect --json</code> has all whole."
      )
    }
    return HTML(notes.map { "<p class=note>\($0)</p>" })
  }
}

extension TensorDescriptor {
  /// Whether its values stand for others, or are stored in blocks.
  var isQuantizedOnPage: Bool { quantization != nil || blockType != nil || packing != nil }
}
