// SPDX-License-Identifier: Apache-2.0
// Validates a model: everything the headers tell, then everything the values tell.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels

/// What validating found.
public struct ValidationReport: Sendable {
  /// The path as given.
  public var path: String
  /// The model, when it was recognised.
  public var model: Model
  /// All findings, in a stable order.
  public var findings: [Finding]

  /// Whether there is no error among the findings.
  public var isValid: Bool { !findings.contains { $0.severity == .error } }
}

/// Validates a model.
///
/// - Parameters:
///   - path: the checkpoint.
///   - config: its config's file; `nil` to look for it.
///   - reading: how to read.
///   - progress: hears of bytes read.
/// - Returns: all findings at once.
/// - Throws: errors of files that can't be read at all.
public func validate(
  _ path: String, config: String? = nil, reading: ReadOptions = ReadOptions(),
  progress: (any ProgressObserver)? = nil
) throws(IngotError) -> ValidationReport {
  let model = try Model(path, config: config, reading: reading)
  let structural = model.recognised.structuralFindings(model.checkpoint.tensors)
  let values = try valueFindings(model, progress: progress)
  return ValidationReport(
    path: path, model: model, findings: model.checkpoint.findings + structural + values + model.roleNotes())
}

/// NaN and infinity in weights, and a tied head that is not tied.
private func valueFindings(
  _ model: Model, progress: (any ProgressObserver)?
) throws(IngotError) -> [Finding] {
  let digester = TensorDigester(model.checkpoint)
  var findings: [Finding] = []
  var digests: [Int: String] = [:]
  let tied = model.recognised.tiedCopy
  let embedding = model.recognised.tensors[TensorRole(.tokenEmbedding)]
  progress?.begin("reading", byteCount: model.checkpoint.tensors.reduce(0) { $0 + $1.byteCount })
  defer { progress?.end() }
  for (index, tensor) in model.checkpoint.tensors.enumerated() {
    guard tensor.dtype.isFloating || tensor.quantization != nil else { continue }
    var scan = NonFiniteScan()
    let visit = { (part: QuantizedPart, tile: UnsafeRawBufferPointer) in
      scan.add(tile, dtype: part.dtype)
      progress?.advance(tile.count)
    }
    if index == tied || index == embedding {
      digests[index] = try digester.digest(of: tensor, observe: visit)
    } else {
      try digester.forEachTile(of: tensor) { (part, tile) throws(IngotError) in visit(part, tile) }
    }
    if let values = tensor.dequantizedValues {
      try digester.forEachTile(of: values) { (tile) throws(IngotError) in scan.add(tile, dtype: .f32) }
    }
    if let detail = scan.detail(of: tensor.shape) {
      findings.append(Finding(.nonFinite, severity: .error, subject: tensor.name, detail: detail))
    }
  }
  try digester.checkUnchanged()
  if let tied, let embedding {
    findings.append(model.tiedFinding(copy: tied, isEqual: digests[tied] == digests[embedding]))
  }
  return findings
}

/// Counts values that are not finite, and remembers the first.
private struct NonFiniteScan {
  private var statistics = ElementStatistics()
  private var first: Int?

  mutating func add(_ tile: UnsafeRawBufferPointer, dtype: DType) {
    guard dtype.isFloating, ElementStatistics.supports(dtype) else { return }
    let start = statistics.count
    let before = statistics.nanCount + statistics.infinityCount
    statistics.add(tile, dtype: dtype)
    if first == nil, statistics.nanCount + statistics.infinityCount > before {
      first = firstNonFinite(tile, dtype: dtype).map { start + $0 }
    }
  }

  private func firstNonFinite(_ tile: UnsafeRawBufferPointer, dtype: DType) -> Int? {
    guard let base = tile.baseAddress, let width = dtype.byteWidth else { return nil }
    return (0..<(tile.count / width)).first { !ReferenceKernels.decode(base, at: $0, as: dtype).isFinite }
  }

  /// `has 4 NaN, first at [17]`; `nil` when all is finite.
  func detail(of shape: Shape) -> Evidence? {
    guard let first else { return nil }
    var index = first
    var indexes: [Int] = []
    for count in shape.dimensions.reversed() where count > 0 {
      indexes.insert(index % count, at: 0)
      index /= count
    }
    let place = indexes.map(String.init).joined(separator: ", ")
    let kinds = [
      statistics.nanCount > 0 ? "\(statistics.nanCount) NaN" : nil,
      statistics.infinityCount > 0 ? "\(statistics.infinityCount) infinite" : nil,
    ].compactMap(\.self).joined(separator: " and ")
    return "has \(words: kinds), first at [\(words: place)]"
  }
}

extension Model {
  /// A stored head beside a config that ties it.
  fileprivate func tiedFinding(copy: Int, isEqual: Bool) -> Finding {
    let name = checkpoint.tensors[copy].name
    let embedding = recognised.name(of: TensorRole(.tokenEmbedding))
    if isEqual {
      return Finding(
        .tiedCopy, severity: .note, subject: name,
        detail: "equals \(embedding), and the config says tied: a copy that nothing needs")
    }
    return Finding(
      .tiedDiffers, severity: .error, subject: name,
      detail: "differs from \(embedding), and the config says tied: transformers would ignore it")
  }

  /// What is stored and not used.
  fileprivate func roleNotes() -> [Finding] {
    let count = recognised.buffers.count
    guard count > 0, let first = recognised.buffers.first else { return [] }
    return [
      Finding(
        .unused, severity: .note, subject: checkpoint.tensors[first].name,
        detail: "and \(count - 1) more are mask buffers, which nothing needs")
    ]
  }
}
