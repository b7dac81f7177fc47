// SPDX-License-Identifier: Apache-2.0
// An inspection for people: what it is, how much of what, and the tensors (InspectionTable.swift).
import IngotKit

/// Inspections as text.
package enum InspectionText {
  /// How an inspection is shown.
  package struct Options: Sendable {
    /// Whether each tensor gets a line of its own.
    package var isUnfolded = false
    /// Whether all metadata are shown, with their types.
    package var showsMetadata = false
    /// Whether tensors stand by size or name, the checkpoint's own order aside.
    package var order = ListingOrder.stored
    /// Whether only tensors are listed that are not finite.
    package var onlyNonFinite = false

    /// Shows repeated blocks folded.
    package init() {}
  }

  /// Lines of a list that stays short: of metadata, and of findings.
  private static let shortLimit = 8

  /// Writes the lines of an inspection.
  ///
  /// - Parameters:
  ///   - report: the inspection.
  ///   - options: how it is shown.
  ///   - style: where the text goes.
  ///   - write: takes a line.
  /// - Throws: what that throws.
  package static func write(
    _ report: InspectionReport, options: Options = Options(), style: TextStyle,
    _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let checkpoint = report.checkpoint
    // What was decoded on the way is no file of the checkpoint's.
    let files = Count(checkpoint.files.count(where: \.isInput), "file")
    var lines = [
      "\(style.text(ErrorRenderer.name(report.path), .strong))  \(checkpoint.format), \(files), \(Quantity.bytes(checkpoint.byteCount))"
    ]
    lines += identity(report).map { $0.line(style) }
    lines += metadata(checkpoint.metadata, showsAll: options.showsMetadata, style)
    let findings = report.findings
    lines += findings.prefix(shortLimit).map { FindingText.line($0, style: style) }
    if findings.count > shortLimit {
      lines.append(
        style.text("… \(Count(findings.count - shortLimit, "more finding")) in --json", .dim))
    }
    for line in lines + [""] { try write(line) }
    try InspectionTable.write(report, options: options, style: style, write)
  }

  /// What it is: the model, what it holds beside plain weights, and what lies beside it that is not read.
  static func identity(_ report: InspectionReport) -> [LabelledText] {
    var facts: [LabelledText] = []
    if let model = report.model {
      facts += ModelText.facts(model, quantization: report.config?.quantization)
    } else if let config = report.config {
      facts.append(LabelledText(.model, words(config, report.modelError)))
    }
    facts += report.contents.map { LabelledText(.holds, words($0)) }
    if let others = words(report.otherWeights) { facts.append(LabelledText(.also, others)) }
    return facts
  }

  /// `Mamba2ForCausalLM: 64 layers, width 2560 (not understood: …)`.
  private static func words(_ config: ConfigSummary, _ error: IngotError?) -> String {
    var facts: [String] = []
    if let count = config.layerCount { facts.append("\(Count(count, "layer"))") }
    if let width = config.width { facts.append("width \(width)") }
    if let quantization = config.quantization {
      facts.append(ModelText.words(quantization: quantization))
    }
    let name = config.className.map { PrintableText.escaped($0, limit: 80) } ?? "a model without a class"
    let reason = config.reason.map(ErrorRenderer.text) ?? error.map(ErrorRenderer.sentence)
    return
      "\(name)\(facts.isEmpty ? "" : ": ")\(facts.joined(separator: ", ")) (not understood\(reason.map { ": " + $0 } ?? ""))"
  }

  private static func words(_ content: ContentKind) -> String {
    switch content {
    case .adapter(let count, let kind, let rank, let base):
      let kind = kind.map { ", \(PrintableText.escaped($0, limit: 40))" } ?? ""
      let rank = rank.map { ", rank \($0)" } ?? ""
      let base = base.map { ", for \(ErrorRenderer.name($0))" } ?? ""
      return "an adapter\(kind)\(rank)\(base): \(Count(count, "tensor"))"
    case .optimizerState(let count): return "an optimizer's state: \(Count(count, "tensor"))"
    case .quantized(let count, let scheme): return "\(scheme): \(Count(count, "tensor"))"
    }
  }

  /// Other weight files of the same folder, folded; `nil` for none.
  private static func words(_ others: [String]) -> String? {
    guard !others.isEmpty else { return nil }
    let groups = NameFolding.fold(others.count, name: { others[$0] }, kind: { _ in 0 })
    let names = groups.prefix(shortLimit).map(\.name).joined(separator: ", ")
    let more = groups.count > shortLimit ? " and \(groups.count - shortLimit) more" : ""
    return "\(names)\(more): weights that are not read; --from chooses"
  }

  // MARK: - Metadata

  private static func metadata(_ metadata: Metadata, showsAll: Bool, _ style: TextStyle) -> [String] {
    let entries = metadata.entries
    guard !showsAll else {
      return entries.map { metadataLine($0, type: typeName($0.value), limit: 300, style) }
    }
    let lines = entries.prefix(shortLimit).map { metadataLine($0, type: nil, limit: 60, style) }
    guard entries.count > shortLimit else { return lines }
    let count = Count(entries.count - shortLimit, "more metadata key")
    return lines + [style.text("… \(count) (--meta shows all)", .dim)]
  }

  private static func metadataLine(
    _ entry: Metadata.Entry, type: String?, limit: Int, _ style: TextStyle
  ) -> String {
    let key = PrintableText.escaped(entry.key, limit: type == nil ? 40 : 300)
    let note = type.map { style.text(" (\($0))", .dim) } ?? ""
    return
      "\(style.text("meta ", .dim))  \(key)\(note): \(PrintableText.escaped(text(of: entry.value), limit: limit))"
  }

  /// The start of a value as text, or how many values it has.
  static func text(of value: MetadataValue) -> String {
    switch value {
    case .string(let text): text
    case .typedArray(let array) where array.elementType == .uint8: "\(Quantity.bytes(array.count)) of bytes"
    case .typedArray(let array) where array.count > 16: "\(array.count) × \(array.elementType)"
    default: JSONText.text(start(of: value))
    }
  }

  /// What a value is: `string`, `uint32`, `array of 3`, `array of 50257 string`.
  static func typeName(_ value: MetadataValue) -> String {
    switch value {
    case .null: "null"
    case .bool: "bool"
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .array(let values): "array of \(values.count)"
    case .typedArray(let array): "array of \(array.count) \(array.elementType)"
    case .object(let object): "object of \(object.entries.count)"
    }
  }

  /// As much of a value as a line may show: a vocabulary has a million.
  private static func start(of value: MetadataValue) -> MetadataValue {
    switch value {
    case .array(let values): .array(values.prefix(64).map(start))
    case .object(let metadata):
      .object(Metadata(metadata.entries.prefix(64).map { .init(key: $0.key, value: start(of: $0.value)) }))
    case .typedArray(let array) where array.elementType == .uint8:
      .string("\(Quantity.bytes(array.count)) of bytes")
    case .typedArray(let array) where array.count > 64: .string("\(array.count) × \(array.elementType)")
    default: value
    }
  }
}
