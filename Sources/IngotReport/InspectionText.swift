// SPDX-License-Identifier: Apache-2.0
// An inspection for people: what it is, how much of what, and the tensors, repeated blocks folded into one line.
import IngotKit

/// Inspections as text.
package enum InspectionText {
  /// The lines of an inspection.
  ///
  /// - Parameters:
  ///   - report: the inspection.
  ///   - isUnfolded: whether each tensor gets a line of its own.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func lines(_ report: InspectionReport, isUnfolded: Bool, style: TextStyle) -> [String] {
    let checkpoint = report.checkpoint
    // What was decoded on the way is no file of the checkpoint's.
    let count = checkpoint.files.count { $0.unnamed == nil }
    let files = Count(count, "file")
    var lines = [
      "\(style.text(ErrorRenderer.name(report.path), .strong))  \(checkpoint.format), \(files), \(Quantity.bytes(checkpoint.byteCount))"
    ]
    if let model = report.model { lines += ModelText.lines(model, style: style) }
    lines += checkpoint.metadata.entries.prefix(8).map { metadataLine($0, style) }
    if checkpoint.metadata.entries.count > 8 {
      lines.append(
        style.text(
          "… \(Count(checkpoint.metadata.entries.count - 8, "more metadata key")) in --json", .dim))
    }
    let findings = report.findings
    lines += findings.prefix(8).map { FindingText.line($0, style: style) }
    if findings.count > 8 {
      lines.append(
        style.text("… \(Count(findings.count - 8, "more finding")) in --json", .dim))
    }
    lines += [""] + totals(report.tensors).lines(style)
    let hasDetail = report.tensors.contains { $0.sha256 != nil || $0.statistics != nil }
    let groups =
      isUnfolded || hasDetail
      ? report.tensors.indices.map { TensorGroup($0, of: report.tensors) } : TensorGroup.fold(report.tensors)
    lines += [""] + table(groups, report).lines(style)
    if groups.count < report.tensors.count { lines.append(style.text("(--all lists each tensor)", .dim)) }
    return lines
  }

  private static func metadataLine(_ entry: Metadata.Entry, _ style: TextStyle) -> String {
    let label = style.text("meta ", .dim)
    let value = PrintableText.escaped(text(of: entry.value), limit: 60)
    return "\(label)  \(PrintableText.escaped(entry.key, limit: 40)): \(value)"
  }

  /// The start of a value as text, or how many values it has.
  static func text(of value: MetadataValue) -> String {
    switch value {
    case .string(let text): text
    case .typedArray(let array) where array.count > 16: "\(array.count) × \(array.elementType)"
    default: JSONText.text(start(of: value))
    }
  }

  /// As much of a value as a line may show: a vocabulary has a million.
  private static func start(of value: MetadataValue) -> MetadataValue {
    switch value {
    case .array(let values): .array(values.prefix(64).map(start))
    case .object(let metadata):
      .object(Metadata(metadata.entries.prefix(64).map { .init(key: $0.key, value: start(of: $0.value)) }))
    case .typedArray(let array) where array.count > 64: .string("\(array.count) × \(array.elementType)")
    default: value
    }
  }

  private static func totals(_ tensors: InspectionReport.Listing) -> TableLayout {
    var table = TableLayout([("dtype", .left), ("tensors", .right), ("values", .right), ("bytes", .right)])
    var order: [String] = []
    var sums: [String: (count: Int, elements: Int, bytes: Int)] = [:]
    for tensor in tensors {
      let label = tensor.descriptor.typeLabel
      if sums[label] == nil { order.append(label) }
      let sum = sums[label, default: (0, 0, 0)]
      sums[label] = (
        sum.count + 1, sum.elements + tensor.descriptor.shape.elementCount,
        sum.bytes + tensor.descriptor.byteCount
      )
    }
    for label in order {
      guard let sum = sums[label] else { continue }
      table.add([label, String(sum.count), Quantity.count(sum.elements), Quantity.bytes(sum.bytes)])
    }
    return table
  }

  private static func table(_ groups: [TensorGroup], _ report: InspectionReport) -> TableLayout {
    let hasDigests = report.tensors.contains { $0.sha256 != nil }
    let hasStatistics = report.tensors.contains { $0.statistics != nil }
    var columns: [(title: String, alignment: TableLayout.Alignment)] = [
      ("name", .left), ("dtype", .left), ("shape", .left), ("bytes", .right), ("", .left),
    ]
    if hasStatistics {
      columns += ["min", "max", "mean", "deviation", "zeros", "not finite"].map { ($0, .right) }
    }
    if hasDigests { columns.append(("sha256", .left)) }
    // What was asked for stays on a narrow terminal: shapes and bytes go, then zeros and the deviation.
    let isDetailed = hasStatistics || hasDigests
    let dispensable = [3, 4, 2, 1] + (hasStatistics ? [9, 8] : [])
    var table = TableLayout(columns, dispensable: isDetailed ? dispensable : nil)
    for group in groups {
      let member = report.tensors[group.first]
      let tensor = member.descriptor
      var cells = [
        group.name, tensor.typeLabel, tensor.shape.label, Quantity.bytes(tensor.byteCount),
        group.count > 1 ? "× \(group.count)" : tensor.aliasOf.map { "= \(ErrorRenderer.name($0))" } ?? "",
      ]
      if hasStatistics { cells += statisticsCells(member.statistics) }
      if hasDigests { cells.append(member.sha256 ?? "") }
      let isFinite = member.statistics.map { $0.nanCount + $0.infinityCount == 0 } ?? true
      table.add(cells, marks: isFinite ? [:] : [10: .error])
    }
    return table
  }

  private static func statisticsCells(_ statistics: ElementStatistics?) -> [String] {
    guard let statistics else { return [String](repeating: "–", count: 6) }
    let reals = [statistics.min, statistics.max, statistics.mean, statistics.standardDeviation]
    let bad = statistics.nanCount + statistics.infinityCount
    return reals.map { $0.map(Quantity.real) ?? "–" }
      + [String(statistics.zeroCount), bad == 0 ? "0" : "\(bad) !"]
  }
}

/// Tensors that fold into one line: the same name but for one number, or but for the last part.
private struct TensorGroup {
  /// Where the first of them is: a listing may have a million, and makes each when it is looked at.
  let first: Int
  var name: String
  var count: Int

  init(_ index: Int, of tensors: InspectionReport.Listing) {
    first = index
    name = PrintableText.escaped(tensors[index].descriptor.name, limit: 300)
    count = 1
  }

  /// Folds blocks: names that differ in their first number only, with the same dtype and shape.
  static func fold(_ tensors: InspectionReport.Listing) -> [TensorGroup] {
    var order: [Key] = []
    var members: [Key: [(block: Int, index: Int)]] = [:]
    for (index, tensor) in tensors.enumerated() {
      let key = Key(tensor.descriptor)
      if members[key.key] == nil { order.append(key.key) }
      members[key.key, default: []].append((key.block, index))
    }
    let blocks = order.flatMap { key in group(key, members[key] ?? [], of: tensors) }
    return foldSuffixes(blocks, of: tensors)
  }

  private static func group(
    _ key: Key, _ list: [(block: Int, index: Int)], of tensors: InspectionReport.Listing
  ) -> [TensorGroup] {
    let numbers = list.map(\.block).sorted()
    guard let first = list.first, list.count > 1, let low = numbers.first, let high = numbers.last,
      numbers == Array(low...high)
    else { return list.map { TensorGroup($0.index, of: tensors) } }
    var group = TensorGroup(first.index, of: tensors)
    group.name = "\(PrintableText.escaped(key.before)){\(low)…\(high)}\(PrintableText.escaped(key.after))"
    group.count = list.count
    return [group]
  }

  /// Folds neighbours that differ in the last part of their names only: `ln_1.{weight,bias}`.
  private static func foldSuffixes(
    _ groups: [TensorGroup], of tensors: InspectionReport.Listing
  ) -> [TensorGroup] {
    var folded: [TensorGroup] = []
    var suffixes: [[String]] = []
    var indexes: [SuffixKey: Int] = [:]
    for group in groups {
      let (stem, suffix) = split(group.name)
      let tensor = tensors[group.first].descriptor
      let key = SuffixKey(stem: stem, type: tensor.typeLabel, shape: tensor.shape)
      if let index = indexes[key], !stem.isEmpty {
        suffixes[index].append(suffix)
        folded[index].count += group.count
      } else {
        indexes[key] = folded.count
        folded.append(group)
        suffixes.append([suffix])
      }
    }
    for index in folded.indices where suffixes[index].count > 1 {
      // The order in which people read them, whatever the container's.
      let names = suffixes[index].sorted { ($0 == "weight" ? 0 : 1, $0) < ($1 == "weight" ? 0 : 1, $1) }
      folded[index].name = "\(split(folded[index].name).stem).{\(names.joined(separator: ","))}"
    }
    return folded
  }

  /// What names that fold by their last part share.
  private struct SuffixKey: Hashable {
    var stem: String
    var type: String
    var shape: Shape
  }

  private static func split(_ name: String) -> (stem: String, suffix: String) {
    guard let dot = name.lastIndex(of: ".") else { return ("", name) }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }

  /// What tensors of one group share.
  private struct Key: Hashable {
    var before: String
    var after: String
    var type: String
    var shape: Shape
    var block = 0

    init(_ tensor: TensorDescriptor) {
      type = tensor.typeLabel
      shape = tensor.shape
      let parts = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
      guard let index = parts.firstIndex(where: { Int($0) != nil && $0.count < 8 }),
        let number = Int(parts[index])
      else {
        before = tensor.name
        after = ""
        return
      }
      block = number
      before = parts[..<index].map { $0 + "." }.joined()
      after = parts[(index + 1)...].map { "." + $0 }.joined()
    }

    /// The key without its block.
    var key: Key {
      var key = self
      key.block = 0
      return key
    }
  }
}

extension TensorDescriptor {
  /// The dtype as tables show it; a quantized tensor's says so.
  var typeLabel: String {
    quantization == nil ? typeName : "\(dtype.rawValue)+scale"
  }
}

extension Shape {
  /// The dimensions as tables show them: `768 × 2304`.
  var label: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: " × ")
  }
}
