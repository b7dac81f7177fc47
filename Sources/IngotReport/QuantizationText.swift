// SPDX-License-Identifier: Apache-2.0
// What quantizing cost, for people and programs.
import IngotFormats
import IngotKit

/// Quantizations as text and JSON.
package enum QuantizationText {
  /// The worst tensors, the total, and what was saved.
  package static func lines(_ report: QuantizationReport, style: TextStyle) -> [String] {
    let scheme =
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
    var table = TableLayout([("worst tensors", .left), ("SNR", .right), ("largest error", .right)])
    let worst = report.tensors.sorted { $0.error.signalToNoise < $1.error.signalToNoise }
    for tensor in worst.prefix(5) {
      table.add([
        ErrorRenderer.name(tensor.name), decibels(tensor.error),
        Quantity.real(tensor.error.largest),
      ])
    }
    let bits = report.bitsPerWeight.map { " · \(Quantity.fixed($0, decimals: 2)) bits a weight" } ?? ""
    let names = report.dialects.map { ", names \($0.from) → \($0.to)" } ?? ""
    let buffers = report.bufferCount > 0 ? " · \(Count(report.bufferCount, "mask buffer")) kept" : ""
    let kept = "\(report.keptCount) kept as \(report.keptCount == 1 ? "it is" : "they are")\(buffers)"
    let summary =
      worst.isEmpty
      ? ["nothing quantized: \(kept)"]
      : table.lines(style) + [
        "\(worst.count == 1 ? "the one quantized tensor:" : "all \(worst.count) quantized tensors: median") \(decibels(worst[worst.count / 2].error)) · \(kept)"
      ]
    let unknown = report.unknownBecause.map {
      "unknown model: matrices by their shape, outputs first (\(ErrorRenderer.text($0)))"
    }
    return [
      "\(style.text(ErrorRenderer.name(report.input), .strong))  →  \(style.text(ErrorRenderer.name(report.output), .strong))  \(scheme)"
    ] + [unknown].compactMap(\.self) + summary + calibration(report) + [
      "\(Quantity.bytes(report.byteCounts.before)) → \(Quantity.bytes(report.byteCounts.after)) of weights\(bits)\(names)"
    ] + LossText.lines(report.losses, style: style)
  }

  /// What weights were calibrated with, and how many.
  private static func calibration(_ report: QuantizationReport) -> [String] {
    guard let tokenCount = report.calibrationTokenCount else { return [] }
    let errors = report.tensors.compactMap(\.outputError).map(\.signalToNoise).sorted()
    guard let median = errors.isEmpty ? nil : errors[errors.count / 2] else {
      return ["calibrated with \(Count(tokenCount, "token")): no weight has a product of its own"]
    }
    return [
      "calibrated with \(Count(tokenCount, "token")): \(errors.count) of \(report.tensors.count) tensors · outputs median \(Quantity.fixed(median, decimals: 1)) dB"
    ]
  }

  /// `ingot quantize --json`.
  package static func json(_ report: QuantizationReport) -> String {
    let tensors = report.tensors.map { tensor in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(tensor.name)),
          .init(key: "dtype", value: .string(typeName(of: tensor.coding))),
          .init(key: "quantization", value: description(of: tensor.coding)),
          .init(key: "snr_db", value: .float64(tensor.error.signalToNoise)),
          .init(key: "max_abs_error", value: .float64(tensor.error.largest)),
          .init(key: "bytes_before", value: .int64(Int64(tensor.byteCountBefore))),
          .init(key: "bytes_after", value: .int64(Int64(tensor.byteCountAfter))),
          .init(
            key: "output_snr_db", value: tensor.outputError.map { .float64($0.signalToNoise) } ?? .null),
        ]))
    }
    let model = Metadata([
      .init(key: "scheme", value: .string(report.scheme.rawValue)),
      .init(key: "snr_db", value: .float64(report.total.signalToNoise)),
      .init(key: "max_abs_error", value: .float64(report.total.largest)),
      .init(key: "quantized", value: .int64(Int64(report.tensors.count))),
      .init(key: "kept", value: .int64(Int64(report.keptCount))),
      .init(
        key: "calibration_tokens",
        value: report.calibrationTokenCount.map { .int64(Int64($0)) } ?? .null),
      .init(key: "bits_per_weight", value: report.bitsPerWeight.map { .float64($0) } ?? .null),
      .init(key: "bytes_before", value: .int64(Int64(report.byteCounts.before))),
      .init(key: "bytes_after", value: .int64(Int64(report.byteCounts.after))),
    ])
    return JSONText.document([
      ("input", .string(report.input)), ("output", .string(report.output)),
      ("understood", .bool(report.unknownBecause == nil)), ("tensors", .array(tensors)),
      ("model", .object(model)), ("losses", LossText.json(report.losses)),
    ])
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

extension QuantizationReport {
  /// Values that share a scale, where weights became integers in runs.
  fileprivate var runSize: Int? {
    for case .integers(let scheme) in tensors.map(\.coding) {
      if case .perRun(let size) = scheme.granularity { return size }
    }
    return nil
  }
}
