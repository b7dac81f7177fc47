// SPDX-License-Identifier: Apache-2.0
// The tensors of an inspection: how much there is of each dtype, then a line a tensor, or one for those that are alike.
import IngotFormats
import IngotKit

/// How much there is of a type.
struct TypeTotal {
  /// The dtype as tables show it.
  var label: String
  /// Tensors, other names of one included.
  var tensorCount = 0
  /// Values, and bytes of them; what has several names counts once, and so do bytes that tensors share as other views.
  var valueCount = 0, byteCount = 0

  /// The totals of tensors, in the order of their first ones.
  static func all(of tensors: InspectionReport.Listing) -> [TypeTotal] {
    var totals: [TypeTotal] = []
    var positions: [String: Int] = [:]
    let hasAliases = tensors.contains { $0.descriptor.aliasOf != nil }
    var counted = Set<String>()
    let shared = SharedStorage(tensors.lazy.map(\.descriptor))
    for (index, tensor) in tensors.enumerated() {
      let label = tensor.descriptor.typeLabel
      let position = positions[label] ?? totals.count
      if position == totals.count {
        positions[label] = position
        totals.append(TypeTotal(label: label))
      }
      totals[position].tensorCount += 1
      if hasAliases, !counted.insert(tensor.descriptor.aliasOf ?? tensor.descriptor.name).inserted {
        continue
      }
      let size = shared.ownSize(of: tensor.descriptor, at: index)
      totals[position].valueCount += size.values
      totals[position].byteCount += size.bytes
    }
    return totals
  }
}

/// The tables of an inspection.
enum InspectionTable {
  /// Writes the lines of both tables, with what is to be said of them.
  static func write(
    _ report: InspectionReport, options: InspectionText.Options, style: TextStyle,
    _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let listed = report.tensors
    let groups = groups(report, options)
    for line in totals(report.selected).lines(style) + [""] { try write(line) }
    if options.onlyNonFinite {
      for line in judgement(report) { try write(line) }
      guard !listed.isEmpty else { return }
      try write("")
    }
    try table(groups, listed).forEachLine(style, write)
    if groups.count < listed.count { try write(style.text("(--all lists each tensor)", .dim)) }
    if let program = FormatRegistry.format(id: report.checkpoint.format)?.innermostFirst,
      listed.contains(where: { $0.descriptor.shape.rank > 1 })
    {
      try write(
        style.text("(shapes are outermost first; \(program)'s order is the other way round)", .dim))
    }
  }

  /// What was found of tensors that are not finite.
  private static func judgement(_ report: InspectionReport) -> [String] {
    let judged = report.selected.count - report.unjudgedCount
    let found =
      report.tensors.isEmpty
      ? "all values of \(Count(judged, "tensor")) are finite"
      : "\(report.tensors.count) of \(Count(judged, "tensor")) \(report.tensors.count == 1 ? "has" : "have") values that are not finite"
    guard report.unjudgedCount > 0 else { return [found] }
    return [
      found,
      "\(Count(report.unjudgedCount, "tensor")) of types that statistics are not taken of: not looked at",
    ]
  }

  private static func groups(
    _ report: InspectionReport, _ options: InspectionText.Options
  ) -> [NameFolding.Group] {
    let tensors = report.tensors
    func name(_ index: Int) -> String { tensors[index].descriptor.name }
    let hasDetail = tensors.contains { $0.sha256 != nil || $0.statistics != nil }
    guard !options.isUnfolded, !hasDetail else { return NameFolding.unfolded(tensors.count, name: name) }
    struct Kind: Hashable {
      let type: String
      let shape: Shape
    }
    let groups = NameFolding.fold(tensors.count, name: name) { index in
      Kind(type: tensors[index].descriptor.typeLabel, shape: tensors[index].descriptor.shape)
    }
    // By name, what folds stands where its first name does.
    return options.order == .size ? groups.sorted { size($0, tensors) > size($1, tensors) } : groups
  }

  /// Bytes of a tensor of a group: all have as many.
  private static func size(_ group: NameFolding.Group, _ tensors: InspectionReport.Listing) -> Int {
    group.members.first.map { tensors[Int($0)].descriptor.byteCount } ?? 0
  }

  private static func totals(_ tensors: InspectionReport.Listing) -> TableLayout {
    var table = TableLayout([("dtype", .left), ("tensors", .right), ("values", .right), ("bytes", .right)])
    for total in TypeTotal.all(of: tensors) {
      table.add([
        total.label, String(total.tensorCount), Quantity.count(total.valueCount),
        Quantity.bytes(total.byteCount),
      ])
    }
    return table
  }

  private static func table(
    _ groups: [NameFolding.Group], _ tensors: InspectionReport.Listing
  ) -> TableLayout {
    let hasDigests = tensors.contains { $0.sha256 != nil }
    let hasHistograms = tensors.contains { $0.histogram != nil }
    let hasStatistics = tensors.contains { $0.statistics != nil }
    var columns: [(title: String, alignment: TableLayout.Alignment)] = [
      ("name", .left), ("dtype", .left), ("shape", .left), ("bytes", .right), ("", .left),
    ]
    if hasStatistics {
      columns += ["min", "max", "mean", "deviation", "zeros", "not finite"].map { ($0, .right) }
    }
    if hasHistograms { columns.append(("from min to max", .left)) }
    if hasDigests { columns.append(("sha256", .left)) }
    // What was asked for stays on a narrow terminal: shapes and bytes go, then zeros, the deviation, and the mean.
    var dispensable: [Int]? = nil
    if hasStatistics || hasDigests { dispensable = [3, 4, 2, 1] + (hasStatistics ? [9, 8, 7] : []) }
    let shared = SharedStorage(tensors.lazy.map(\.descriptor)).owners
    return TableLayout(columns, dispensable: dispensable, rowCount: groups.count) { index in
      let group = groups[index]
      let first = group.members.first.map { Int($0) } ?? 0
      let member = tensors[first]
      let tensor = member.descriptor
      var cells = [
        group.name, tensor.typeLabel, tensor.shape.label, Quantity.bytes(tensor.byteCount),
        group.members.count > 1
          ? "× \(group.members.count)"
          : tensor.aliasOf.map { "= \(ErrorRenderer.name($0))" }
            ?? shared[first].map { "a view of \(ErrorRenderer.name(tensors[$0].descriptor.name))" }
            ?? "",
      ]
      if hasStatistics { cells += statisticsCells(member.statistics) }
      if hasHistograms { cells.append(member.histogram.map(drawing) ?? "") }
      if hasDigests { cells.append(member.sha256 ?? "") }
      return (cells, member.statistics?.isFinite ?? true ? [:] : [10: .error])
    }
  }

  private static func statisticsCells(_ statistics: ElementStatistics?) -> [String] {
    guard let statistics else { return [String](repeating: "–", count: 6) }
    let reals = [statistics.min, statistics.max, statistics.mean, statistics.standardDeviation]
    let bad = statistics.nanCount + statistics.infinityCount
    return reals.map { $0.map(Quantity.real) ?? "–" }
      + [String(statistics.zeroCount), bad == 0 ? "0" : "\(bad) !"]
  }

  /// A histogram as a row of bars, a character a bin: what holds a value at all is seen.
  static func drawing(_ histogram: UniformHistogram) -> String {
    let bars = Array("▁▂▃▄▅▆▇█")
    let largest = max(1, histogram.counts.max() ?? 0)
    let text = String(
      histogram.counts.map { count in
        count == 0
          ? " " : bars[min(bars.count - 1, Int(Double(count) / Double(largest) * Double(bars.count)))]
      })
    return "│\(text)│"
  }
}

extension TensorDescriptor {
  /// The dtype as tables show it; a quantized tensor's says so.
  var typeLabel: String {
    guard let quantization else { return typeName }
    return "\(dtype.rawValue)+scale\(quantization.keptType == nil ? "" : "+rows")"
  }
}

extension Shape {
  /// The dimensions as tables show them: `768 × 2304`.
  var label: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: " × ")
  }
}
