// SPDX-License-Identifier: Apache-2.0
// A validation for people and programs.
import IngotGraph
import IngotKit
import IngotModels

/// Validations as text and JSON.
package enum ValidationText {
  /// The lines of a validation: errors first, then notes, then how many of each.
  package static func lines(_ report: ValidationReport, style: TextStyle) -> [String] {
    let width = min(48, report.findings.map { ErrorRenderer.name($0.subject).count }.max() ?? 0)
    let sorted =
      report.findings.filter { $0.severity == .error } + report.findings.filter { $0.severity == .note }
    let errors = report.findings.count { $0.severity == .error }
    let notes = report.findings.count - errors
    let counts = [
      errors > 0 ? "\(Count(errors, "error"))" : "valid",
      notes > 0 ? "\(Count(notes, "note"))" : nil,
    ].compactMap(\.self)
    return (report.model.map { ModelText.facts($0).map { $0.line(style) } } ?? [])
      + sorted.map { FindingText.line($0, subjectWidth: width, style: style) } + [
        counts.joined(separator: ", ")
      ]
  }

  /// `ingot validate --json`.
  package static func json(_ report: ValidationReport) -> String {
    func text(_ value: String?) -> MetadataValue { value.map { .string($0) } ?? .null }
    let recognised = report.model?.recognised
    return JSONText.document([
      ("path", .string(report.path)), ("architecture", text(recognised?.graph.architecture)),
      ("head", text(recognised?.graph.config[.head])), ("dialect", text(recognised?.dialect.id)),
      ("valid", .bool(report.isValid)),
      ("findings", FindingText.json(report.findings)),
    ])
  }
}

/// What a model is, in two lines.
package enum ModelText {
  /// The model's numbers, and whose names its tensors have.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - quantization: how its config says that weights are quantized, where it does.
  /// - Returns: the facts, each of a line.
  static func facts(_ model: Model, quantization: String? = nil) -> [LabelledText] {
    let recognised = model.recognised
    let config = recognised.graph.config
    let count = recognised.graph.parameterCount
    let title = recognised.configuration.architecture.title
    let tied = recognised.graph.usesTokenEmbeddingAsHead ? ", output tied" : ""
    // The first is what a config that names none means.
    let isPlain = recognised.configuration.architecture.heads.first?.id == config[.head]
    let head =
      isPlain ? "" : ", head \(config[.head].replacing("pre_", with: "pre-").replacing("_", with: " "))"
    let buffers = recognised.buffers.count
    let names = ErrorRenderer.text(recognised.explanation)
    let quantized = quantization.map { " · \(words(quantization: $0))" } ?? ""
    return [
      LabelledText(
        .model,
        "\(title): \(numbers(config))\(head)\(tied) · \(Quantity.count(count)) parameters\(quantized)"),
      LabelledText(.names, "\(names)\(buffers > 0 ? ", \(Count(buffers, "mask buffer"))" : "")"),
    ]
  }

  /// What a config says of quantized weights: `quantized by gptq, 4 bits, groups of 128`.
  static func words(quantization: String) -> String {
    "quantized by \(PrintableText.escaped(quantization, limit: 100))"
  }

  /// A model's size: `4 blocks, 4 heads, width 128, context 256, 2048 tokens`.
  static func numbers(_ config: ModelConfig) -> String {
    let counts = "\(Count(config.blockCount, "block")), \(Count(config.headCount, "head"))"
    return
      "\(counts), width \(config.width), context \(config.contextLength), \(Count(config.vocabularySize, "token"))"
  }
}
