// SPDX-License-Identifier: Apache-2.0
// An inspection for programs: what the text says, exactly.
import IngotFormats
import IngotGraph
import IngotKit
import IngotModels

extension JSONText {
  /// Writes `ingot inspect --json`: one checkpoint as it is, several as a list.
  ///
  /// - Parameters:
  ///   - reports: the inspections.
  ///   - areSeveral: whether several paths were given, of which these could be read.
  ///   - hasTypes: whether the types of metadata are told.
  ///   - write: takes the text, piece by piece.
  /// - Throws: what that throws.
  package static func writeInspections(
    _ reports: [InspectionReport], areSeveral: Bool = false, hasTypes: Bool = false,
    _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    if !areSeveral, let only = reports.first {
      return try JSONPiece.writeDocument(entries(only, hasTypes), write)
    }
    let objects = JSONPiece.list(reports.count) { .object(entries(reports[$0], hasTypes)) }
    try JSONPiece.writeDocument([("checkpoints", objects)], write)
  }

  private static func entries(_ report: InspectionReport, _ hasTypes: Bool) -> [(String, JSONPiece)] {
    let checkpoint = report.checkpoint
    let files = checkpoint.files.filter { $0.unnamed == nil }
    var entries: [(String, MetadataValue)] = [
      ("format", .string(checkpoint.format)), ("path", .string(report.path)),
      ("bytes", .int64(Int64(checkpoint.byteCount))), ("files", .array(files.map(file))),
    ]
    if let model = report.modelSummary {
      entries += [("model", .object(self.model(model, report))), ("dialect", .string(model.dialect))]
    }
    if let config = report.config {
      entries.append(("config", .object(self.config(config, report))))
    }
    entries += [
      ("contents", .array(report.contents.map { .object(content($0)) })),
      ("dtypes", .object(dtypes(report))), ("companions", .array(report.companions.map(companion))),
      ("other_weights", .array(report.otherWeights.map { .string($0) })),
      ("metadata", .object(checkpoint.metadata)),
    ]
    if hasTypes {
      let types = checkpoint.metadata.entries.map {
        Metadata.Entry(key: $0.key, value: .string(InspectionText.typeName($0.value)))
      }
      entries.append(("metadata_types", .object(Metadata(types))))
    }
    entries.append(("findings", FindingText.json(report.findings)))
    let tensors = JSONPiece.list(report.tensors.count) {
      .value(.object(tensor(report.tensors[$0], files: checkpoint.files)))
    }
    return entries.map { ($0, .value($1)) } + [("tensors", tensors)]
  }

  private static func file(_ file: CheckpointFile) -> MetadataValue {
    .object(
      Metadata([
        .init(key: "path", value: .string(file.path)),
        .init(key: "bytes", value: .int64(Int64(file.byteCount))),
      ]))
  }

  private static func companion(_ companion: CompanionSummary) -> MetadataValue {
    .object(
      Metadata([
        .init(key: "name", value: .string(companion.name)),
        .init(key: "kind", value: .string(companion.kind.rawValue)),
        .init(key: "bytes", value: .int64(Int64(companion.byteCount))),
      ]))
  }

  private static func model(_ model: ModelSummary, _ report: InspectionReport) -> Metadata {
    var object = Metadata([
      .init(key: "architecture", value: .string(model.architecture)),
      .init(key: "head", value: .string(model.head)),
      .init(key: "parameters", value: .int64(Int64(model.parameterCount))),
    ])
    guard let config = report.model?.recognised.graph.config else { return object }
    let numbers = [
      ("blocks", config.blockCount), ("heads", config.headCount), ("width", config.width),
      ("context", config.contextLength), ("tokens", config.vocabularySize),
    ]
    for (key, value) in numbers { object[key] = .int64(Int64(value)) }
    object["tied"] = .bool(report.model?.recognised.graph.usesTokenEmbeddingAsHead ?? false)
    return object
  }

  private static func config(_ config: ConfigSummary, _ report: InspectionReport) -> Metadata {
    var object = Metadata([.init(key: "file", value: .string(config.fileName))])
    object["class"] = config.className.map { .string($0) } ?? .null
    object["layers"] = config.layerCount.map { .int64(Int64($0)) } ?? .null
    object["width"] = config.width.map { .int64(Int64($0)) } ?? .null
    object["quantization"] = config.quantization.map { .string($0) } ?? .null
    object["understood"] = .bool(report.model != nil)
    let reason = config.reason.map(ErrorRenderer.text) ?? report.modelError.map(ErrorRenderer.sentence)
    object["reason"] = reason.map { .string($0) } ?? .null
    return object
  }

  private static func content(_ content: ContentKind) -> Metadata {
    func entry(_ kind: String, _ count: Int) -> Metadata {
      Metadata([
        .init(key: "kind", value: .string(kind)), .init(key: "tensors", value: .int64(Int64(count))),
      ])
    }
    switch content {
    case .adapter(let count, let kind, let rank, let base):
      var object = entry("adapter", count)
      object["type"] = kind.map { .string($0) } ?? .null
      object["rank"] = rank.map { .int64(Int64($0)) } ?? .null
      object["base"] = base.map { .string($0) } ?? .null
      return object
    case .optimizerState(let count): return entry("optimizer_state", count)
    case .quantized(let count, let scheme):
      var object = entry("quantized", count)
      object["scheme"] = .string(scheme)
      return object
    }
  }

  private static func dtypes(_ report: InspectionReport) -> Metadata {
    Metadata(
      TypeTotal.all(of: report.selected).map { total in
        .init(
          key: total.label,
          value: .object(
            Metadata([
              .init(key: "tensors", value: .int64(Int64(total.tensorCount))),
              .init(key: "values", value: .int64(Int64(total.valueCount))),
              .init(key: "bytes", value: .int64(Int64(total.byteCount))),
            ])))
      })
  }

  private static func tensor(_ tensor: InspectionReport.Tensor, files: [CheckpointFile]) -> Metadata {
    let descriptor = tensor.descriptor
    var object = Metadata([
      .init(key: "name", value: .string(descriptor.name)),
      .init(key: "dtype", value: .string(descriptor.typeName)),
      .init(key: "shape", value: shape(descriptor.shape)),
      .init(key: "bytes", value: .int64(Int64(descriptor.byteCount))),
    ])
    // What was decoded on the way is no place in a file.
    if let place = descriptor.place, files.indices.contains(place.file), files[place.file].unnamed == nil {
      if files.count > 1 {
        object["file"] = .int64(Int64(files[..<place.file].count { $0.unnamed == nil }))
      }
      object["offset"] = .int64(Int64(place.offset))
    }
    if let digest = tensor.sha256 { object["sha256"] = .string(digest) }
    if let alias = descriptor.aliasOf { object["alias_of"] = .string(alias) }
    if let quantization = descriptor.quantization {
      object["quantization"] = .object(
        QuantizedParts.description(of: quantization.scheme, hasZeroPoints: !quantization.isSymmetric))
    }
    if descriptor.quantization != nil || descriptor.packing != nil {
      object["parts"] = .array(
        descriptor.parts.map { part in
          .object(
            Metadata([
              .init(key: "kind", value: .string(part.kind.rawValue)),
              .init(key: "dtype", value: .string(part.dtype.rawValue)),
              .init(key: "shape", value: shape(part.shape)),
            ]))
        })
    }
    if let statistics = tensor.statistics { object["stats"] = .object(self.statistics(statistics)) }
    if let histogram = tensor.histogram {
      object["histogram"] = .object(
        Metadata([
          .init(key: "edges", value: .array(histogram.edges.map { .float64($0) })),
          .init(key: "counts", value: .array(histogram.counts.map { .int64(Int64($0)) })),
        ]))
    }
    return object
  }

  private static func statistics(_ statistics: ElementStatistics) -> Metadata {
    func real(_ value: Double?) -> MetadataValue { value.map { .float64($0) } ?? .null }
    return Metadata([
      .init(key: "min", value: real(statistics.min)), .init(key: "max", value: real(statistics.max)),
      .init(key: "mean", value: real(statistics.mean)),
      .init(key: "std", value: real(statistics.standardDeviation)),
      .init(key: "zeros", value: .int64(Int64(statistics.zeroCount))),
      .init(key: "nan", value: .int64(Int64(statistics.nanCount))),
      .init(key: "inf", value: .int64(Int64(statistics.infinityCount))),
    ])
  }
}

extension TensorDescriptor {
  /// The file that holds the values, and the offset of their first byte in it, where they stand there in one piece as they
  /// are.
  fileprivate var place: (file: Int, offset: Int)? {
    guard storage.codec == .raw, case .one(let segment) = storage.segments else { return nil }
    if case .strided(let offset, _) = storage.layout {
      guard let width = dtype.byteWidth, let bytes = offset.checkedMultiply(width) else { return nil }
      return segment.offset.checkedAdd(bytes).map { (segment.file, $0) }
    }
    return (segment.file, segment.offset)
  }
}
