// SPDX-License-Identifier: Apache-2.0
// What quantizing cost, for people and programs.
import IngotFormats
import IngotKit

/// Quantizations as text and JSON.
package enum QuantizationText {
  /// The worst tensors, the total, and what was saved.
  package static func lines(_ report: QuantizationReport, style: TextStyle) -> [String] {
    let scheme =
      report.budget.map { "schemes chosen for \(BudgetText.bound($0.bound))" } ?? scheme(of: report)
    let worst = report.tensors.sorted { $0.error.signalToNoise < $1.error.signalToNoise }
    let bits =
      report.bitsPerWeight.map { " · \(Quantity.fixed($0, decimals: 2)) bits a quantized weight" } ?? ""
    let names = report.dialects.map { ", names \($0.from) → \($0.to)" } ?? ""
    let buffers = report.bufferCount > 0 ? " · \(Count(report.bufferCount, "mask buffer")) kept" : ""
    let kept = "\(report.keptCount) kept as \(report.keptCount == 1 ? "it is" : "they are")\(buffers)"
    let summary =
      worst.isEmpty
      ? ["nothing quantized: \(kept)"]
      : table(of: worst.prefix(5)).lines(style) + [
        "\(worst.count == 1 ? "the one quantized tensor:" : "all \(worst.count) quantized tensors: median") \(decibels(worst[worst.count / 2].error))\(clipped(report.total)) · \(kept)"
      ] + outliers(report)
    let unknown = report.unknownBecause.map {
      "unknown model: matrices by their shape, outputs first (\(ErrorRenderer.text($0)))"
    }
    return [
      "\(style.text(ErrorRenderer.name(report.input), .strong))  →  \(style.text(ErrorRenderer.name(report.output), .strong))  \(scheme)"
    ] + [unknown].compactMap(\.self) + (report.budget.map { BudgetText.lines($0, style: style) } ?? [])
      + summary
      + calibration(report) + [
        "\(Quantity.bytes(report.byteCounts.before)) → \(Quantity.bytes(report.byteCounts.after)) of weights\(bits)\(names)"
      ] + measurement(report, style) + LossText.lines(report.losses, style: style)
  }

  /// The scheme that was asked for, in words.
  private static func scheme(of report: QuantizationReport) -> String {
    switch report.scheme {
    case .int8: "int8, one scale an output channel"
    case .int8Activations: "w8a8, int8 with one scale an output channel, activations with one a token"
    case .int8Tensor: "int8-tensor, one scale a tensor"
    case .int8Group16, .int8Group32, .int8Group64, .int8Group128:
      "\(report.scheme.rawValue), one scale for \(report.scheme.groupSize ?? 0) inputs of an output channel"
    case .q80:
      report.runSize.map { "q8_0, int8 in runs of \($0) values with a scale each" }
        ?? "q8_0, blocks of 32 values with a scale each"
    case .keep: "all weights kept, but for those that a rule names"
    }
  }

  /// Tensors with what rounding cost each; what none of them has gets no column.
  private static func table(of tensors: ArraySlice<QuantizationReport.Tensor>) -> TableLayout {
    var columns: [(title: String, cell: (QuantizationReport.Tensor) -> String)] = [
      ("SNR", { decibels($0.error) }), ("largest error", { Quantity.real($0.error.largest) }),
    ]
    if tensors.contains(where: { $0.error.clippedCount > 0 }) {
      columns.append(("clipped", { share($0.error) }))
    }
    if tensors.contains(where: \.hasOutliers) {
      columns.append(("outliers", { outliers(inputs: $0.inputCount, outputs: $0.outputCount) }))
    }
    var table = TableLayout([("worst tensors", .left)] + columns.map { ($0.title, .right) })
    for tensor in tensors {
      table.add([ErrorRenderer.name(tensor.name)] + columns.map { $0.cell(tensor) })
    }
    return table
  }

  /// The share of values that are clipped; of few, that there are some.
  private static func share(_ error: QuantizationError) -> String {
    guard error.clippedCount > 0 else { return "0 %" }
    return error.clippedShare < 0.0005 ? "< 0.1 %" : Quantity.percent(error.clippedShare)
  }

  private static func clipped(_ error: QuantizationError) -> String {
    error.clippedCount > 0 ? " · \(share(error)) clipped" : ""
  }

  private static func outliers(inputs: Int, outputs: Int) -> String {
    let words = [(inputs, "in"), (outputs, "out")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return words.isEmpty ? "–" : words.joined(separator: ", ")
  }

  /// How many channels of all tensors are outliers, where any are.
  private static func outliers(_ report: QuantizationReport) -> [String] {
    let tensors = report.tensors.filter(\.hasOutliers)
    guard !tensors.isEmpty else { return [] }
    let (inputs, outputs) = tensors.reduce((0, 0)) { ($0.0 + $1.inputCount, $0.1 + $1.outputCount) }
    let factor = Int(OutlierChannels.factor)
    return [
      "outliers: \(Count(inputs, "input")) and \(Count(outputs, "output")) of \(Count(tensors.count, "tensor")) have weights over \(factor) times the median one's"
    ]
  }

  /// What the output computes, beside the input.
  private static func measurement(_ report: QuantizationReport, _ style: TextStyle) -> [String] {
    guard let (source, figures) = report.measurement, let divergence = figures.divergence else { return [] }
    let tail =
      "99th percentile \(Quantity.scientific(divergence.percentile99)), largest \(Quantity.scientific(divergence.largest))"
    let before = figures.baselineLoss.map { Quantity.fixed($0.perplexity, decimals: 2) + " → " } ?? ""
    var table = TableLayout([("", .left), ("", .left)])
    let activations =
      report.tensors.contains(where: \.coding.quantizesActivations) ? ", with int8 activations" : ""
    table.add([
      "tokens", "\(Quantity.count(figures.loss.tokenCount)) of \(ErrorRenderer.name(source))\(activations)",
    ])
    table.add([
      EvaluationText.perplexityName(figures),
      before + Quantity.fixed(figures.loss.perplexity, decimals: 2),
    ])
    table.add(["KL", "\(Quantity.scientific(divergence.mean)) nats a token, \(tail)"])
    table.add(["same likeliest token", Quantity.percent(divergence.top1Agreement)])
    return table.lines(style, hidesTitles: true)
  }

  /// What weights were calibrated with, and how many.
  private static func calibration(_ report: QuantizationReport) -> [String] {
    guard let tokenCount = report.calibrationTokenCount else { return [] }
    let errors = report.tensors.compactMap(\.outputError).map(\.signalToNoise).sorted()
    guard let median = errors.isEmpty ? nil : errors[errors.count / 2] else {
      return ["calibrated with \(Count(tokenCount, "token")): no weight has a product of its own"]
    }
    return [
      "calibrated with \(Count(tokenCount, "token")): \(errors.count) of \(Count(report.tensors.count, "tensor")) · outputs median \(Quantity.fixed(median, decimals: 1)) dB"
    ] + notCalibrated(report) + smoothing(report) + keptRows(report)
  }

  /// The rows that stay in a type of their own.
  private static func keptRows(_ report: QuantizationReport) -> [String] {
    report.tensors.filter { $0.keptRowCount > 0 }.map {
      let asked = report.keptRowLimit ?? $0.keptRowCount
      let fewer = $0.keptRowCount < asked ? " (\(asked) were asked for, and it has no more)" : ""
      return
        "rows kept: \($0.keptRowCount) of \(ErrorRenderer.name($0.name)), those of the tokens that the text has most\(fewer); errors are told of its integers"
    }
  }

  /// The weights that calibrating passes over, and what it asks for.
  private static func notCalibrated(_ report: QuantizationReport) -> [String] {
    let names = report.tensors.filter { $0.outputError == nil }.map { ErrorRenderer.name($0.name) }
    guard !names.isEmpty else { return [] }
    let more = names.count > 4 ? " and \(names.count - 4) more" : ""
    return [
      "rounded to nearest: \(names.prefix(4).joined(separator: ", "))\(more): calibrated are weights with a product of their own, in int8 or in blocks of Q8_0 that lie along its inputs"
    ]
  }

  /// How many inputs of products have other ranges than the model's.
  private static func smoothing(_ report: QuantizationReport) -> [String] {
    guard report.smoothedInputCount > 0 else { return [] }
    return [
      "smoothed: \(Count(report.smoothedInputCount, "input")) of products divided by powers of two, a channel each, and weights multiplied by them, which rounds nothing"
    ]
  }

  /// `ingot quantize --json`.
  package static func json(_ report: QuantizationReport) -> String {
    let model = Metadata([
      .init(key: "scheme", value: .string(report.scheme.rawValue)),
      .init(key: "snr_db", value: .float64(report.total.signalToNoise)),
      .init(key: "max_abs_error", value: .float64(report.total.largest)),
      .init(key: "clipped_share", value: .float64(report.total.clippedShare)),
      .init(key: "quantized", value: .int64(Int64(report.tensors.count))),
      .init(key: "kept", value: .int64(Int64(report.keptCount))),
      .init(
        key: "calibration_tokens",
        value: report.calibrationTokenCount.map { .int64(Int64($0)) } ?? .null),
      .init(key: "smoothed_inputs", value: .int64(Int64(report.smoothedInputCount))),
      .init(key: "bits_per_weight", value: report.bitsPerWeight.map { .float64($0) } ?? .null),
      .init(key: "bytes_before", value: .int64(Int64(report.byteCounts.before))),
      .init(key: "bytes_after", value: .int64(Int64(report.byteCounts.after))),
    ])
    let names = report.dialects.map { [("names", JSONText.names($0))] } ?? []
    return JSONText.document(
      [
        ("input", .string(report.input)), ("output", .string(report.output)),
        ("understood", .bool(report.unknownBecause == nil)),
        ("tensors", .array(report.tensors.map(json))), ("model", .object(model)),
        ("budget", report.budget.map(BudgetText.json) ?? .null), ("measured", measured(report)),
        ("losses", LossText.json(report.losses)),
      ] + names)
  }

  private static func json(_ tensor: QuantizationReport.Tensor) -> MetadataValue {
    var entries: [(String, MetadataValue)] = [
      ("name", .string(tensor.name)), ("dtype", .string(typeName(of: tensor.coding))),
      ("quantization", description(of: tensor.coding)), ("snr_db", .float64(tensor.error.signalToNoise)),
      ("max_abs_error", .float64(tensor.error.largest)),
      ("clipped_share", .float64(tensor.error.clippedShare)),
      ("bytes_before", .int64(Int64(tensor.byteCountBefore))),
      ("bytes_after", .int64(Int64(tensor.byteCountAfter))),
    ]
    // What was not looked at is left out: it is not 0.
    if let output = tensor.outputError { entries.append(("output_snr_db", .float64(output.signalToNoise))) }
    if let inputs = tensor.outlierInputs { entries.append(("outlier_inputs", json(inputs))) }
    if let outputs = tensor.outlierOutputs { entries.append(("outlier_outputs", json(outputs))) }
    return .object(Metadata(entries.map { .init(key: $0.0, value: $0.1) }))
  }

  private static func json(_ outliers: OutlierChannels) -> MetadataValue {
    .object(
      Metadata([
        .init(key: "count", value: .int64(Int64(outliers.count))),
        .init(key: "first", value: .array(outliers.first.map { .int64(Int64($0)) })),
      ]))
  }

  /// The figures of `ingot eval --json`, and what they are of.
  private static func measured(_ report: QuantizationReport) -> MetadataValue {
    guard let (source, figures) = report.measurement else { return .null }
    let entries = [("on", .string(source))] + EvaluationText.figures(figures)
    return .object(Metadata(entries.map { .init(key: $0.0, value: $0.1) }))
  }

  private static func typeName(of coding: WeightCoding) -> String {
    switch coding {
    case .integers: DType.i8.rawValue
    case .blocks(let blockType): blockType.rawValue
    }
  }

  /// A scheme with scales beside the values; nothing for blocks, whose name says all.
  private static func description(of coding: WeightCoding) -> MetadataValue {
    switch coding {
    case .integers(let scheme): .object(QuantizedParts.description(of: scheme, hasZeroPoints: false))
    case .blocks: .null
    }
  }

  private static func decibels(_ error: QuantizationError) -> String {
    error.isExact ? "exact" : Quantity.fixed(error.signalToNoise, decimals: 1) + " dB"
  }
}

extension QuantizationReport.Tensor {
  fileprivate var inputCount: Int { outlierInputs?.count ?? 0 }
  fileprivate var outputCount: Int { outlierOutputs?.count ?? 0 }
  fileprivate var hasOutliers: Bool { inputCount + outputCount > 0 }
}

extension QuantizationReport {
  /// Values that share a scale, where weights became integers in runs.
  fileprivate var runSize: Int? {
    for case .integers(let scheme) in tensors.map(\.coding) {
      if case .perRun(let size) = scheme.granularity { return size }
    }
    return nil
  }
}
