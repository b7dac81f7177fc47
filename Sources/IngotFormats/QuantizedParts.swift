// SPDX-License-Identifier: Apache-2.0
// Quantized tensors in containers that know none: values, scales, zero points and kept rows as tensors of their own, and
// their schemes as JSON in the metadata. Puts them together on reading. Page: formats/quantized-tensors.md.
import IngotCore
import IngotEncodings

/// The rules of `formats/quantized-tensors.md`.
package enum QuantizedPartsRule: String, FormatRule {
  case json = "QT-01"
  case scheme = "QT-02"
  case values = "QT-03"
  case scales = "QT-04"
  case zeroPoints = "QT-05"
  case keptIndexes = "QT-06"
  case keptRows = "QT-07"
}

/// Quantized tensors as sets of plain ones.
package enum QuantizedParts {
  /// The metadata key that holds the schemes.
  package static let metadataKey = "ingot.quantization"
  /// The key of a scheme that lists the rows that are kept.
  private static let keptRowsKey = "kept_rows"

  // MARK: - Writing

  /// The schemes of all quantized tensors as the metadata's JSON; `nil` when there are none.
  package static func metadata(of tensors: [PlannedTensor]) -> MetadataValue? {
    var entries: [Metadata.Entry] = []
    for tensor in tensors {
      guard let quantization = tensor.quantization else { continue }
      entries.append(
        .init(
          key: tensor.name,
          value: .object(description(of: quantization.scheme, hasZeroPoints: !quantization.isSymmetric))))
    }
    return entries.isEmpty ? nil : text(entries)
  }

  private static func text(_ entries: [Metadata.Entry]) -> MetadataValue {
    let document = Metadata([
      .init(key: "schema", value: .int64(1)), .init(key: "tensors", value: .object(Metadata(entries))),
    ])
    return .string(JSONWriter.text(document))
  }

  /// The schemes that the files of a set name, whether each names its own or all of them.
  ///
  /// - Parameter parts: the files' metadata.
  /// - Returns: all schemes as one text, or the first text that is none of schemes, which reading it refuses; `nil` for none.
  static func joined(_ parts: [Metadata]) -> MetadataValue? {
    var texts: [String] = []
    for text in parts.compactMap({ $0.string(metadataKey) }) where text != texts.last { texts.append(text) }
    guard texts.count > 1 else { return texts.first.map { .string($0) } }
    var entries: [Metadata.Entry] = []
    var names = Set<ExactName>()
    for text in texts {
      guard let document = try? JSONDocument.object(Array(text.utf8)), document["schema"] == .int64(1),
        case .object(let tensors)? = document["tensors"]
      else { return .string(text) }
      entries += tensors.entries.filter { names.insert(ExactName($0.key)).inserted }
    }
    return text(entries)
  }

  /// A scheme as the metadata, and every report, writes it.
  package static func description(of scheme: Quantization, hasZeroPoints: Bool) -> Metadata {
    var description = Metadata()
    switch scheme.granularity {
    case .perTensor: description["granularity"] = .string("tensor")
    case .perChannel(let axis):
      description["granularity"] = .string("channel")
      description["axis"] = .int64(Int64(axis))
    case .perGroup(let axis, let size):
      description["granularity"] = .string("group")
      description["axis"] = .int64(Int64(axis))
      description["group_size"] = .int64(Int64(size))
    case .perBlock(let sizes):
      description["granularity"] = .string("block")
      description["block_size"] = .array(sizes.map { .int64(Int64($0)) })
    case .perRun(let size):
      description["granularity"] = .string("run")
      description["group_size"] = .int64(Int64(size))
    }
    description["scale"] = .string(scheme.scaleKind.rawValue)
    description["symmetric"] = .bool(!hasZeroPoints)
    description["activations"] = .string(scheme.activations.rawValue)
    if !scheme.keptRows.isEmpty {
      description[keptRowsKey] = .array(scheme.keptRows.map { .int64(Int64($0)) })
    }
    return description
  }

  // MARK: - Reading

  /// Puts quantized tensors together from the parts that the metadata names.
  ///
  /// - Parameter checkpoint: tensors as stored.
  /// - Returns: the same, with each quantized tensor as one; unchanged when the metadata names none.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of the page.
  package static func assemble(_ checkpoint: Checkpoint) throws(IngotError) -> Checkpoint {
    guard let text = checkpoint.metadata.string(metadataKey) else { return checkpoint }
    let path = checkpoint.files.first?.path ?? ""
    let schemes = try schemes(of: text, path: path)
    var indexes: [ExactName: Int] = [:]
    for (index, tensor) in checkpoint.tensors.enumerated() { indexes[ExactName(tensor.name)] = index }
    var assembled = checkpoint
    var taken = Set<Int>()
    for stated in schemes {
      let name = stated.name
      guard let index = indexes[ExactName(name)], checkpoint.tensors[index].dtype == .i8 else {
        throw malformed(.values, path, name, "no I8 tensor of that name", "its values")
      }
      let scheme = try stated.scheme(of: checkpoint.tensors[index].shape, path: path)
      var parts: [StoredPart] = []
      for expected in stated.parts(scheme, of: checkpoint.tensors[index].shape) {
        guard let partIndex = indexes[ExactName(name + expected.kind.nameSuffix)] else {
          throw malformed(expected.rule, path, name, "no tensor \(name + expected.kind.nameSuffix)", "one")
        }
        let part = checkpoint.tensors[partIndex]
        try expected.require(part, path: path)
        parts.append(
          StoredPart(PartType(kind: expected.kind, dtype: part.dtype, shape: part.shape), part.storage))
        taken.insert(partIndex)
      }
      assembled.tensors[index].quantize(scheme, parts)
    }
    assembled.tensors = assembled.tensors.indices.filter { !taken.contains($0) }.map { assembled.tensors[$0] }
    assembled.metadata[metadataKey] = nil
    return assembled
  }

  /// Takes quantized tensors of containers that know them apart, as they would stand in one that knows none.
  ///
  /// - Parameter checkpoint: tensors as stored.
  /// - Returns: the same, with values, scales and zero points as tensors of their own, where no other has a part's name;
  ///   blocks stay.
  package static func apart(_ checkpoint: Checkpoint) -> Checkpoint {
    guard checkpoint.tensors.contains(where: { $0.quantization != nil }) else { return checkpoint }
    let names = Set(checkpoint.tensors.map { ExactName($0.name) })
    var apart = checkpoint
    apart.tensors = checkpoint.tensors.flatMap { tensor in
      guard tensor.quantization != nil else { return [tensor] }
      let stored = tensor.storedTensors
      return stored.dropFirst().contains { names.contains(ExactName($0.name)) } ? [tensor] : stored
    }
    return apart
  }

  static func malformed(
    _ rule: QuantizedPartsRule, _ path: String, _ tensor: String?, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(
      rule.rule, at: Location(path, tensor: tensor, key: metadataKey), found: found, expected: expected)
  }

  private static func schemes(of text: String, path: String) throws(IngotError) -> [StatedScheme] {
    let document: Metadata
    do throws(JSONFailure) {
      document = try JSONDocument.object(Array(text.utf8))
    } catch {
      throw malformed(.json, path, nil, error.found, error.expected)
    }
    guard document["schema"] == .int64(1), case .object(let tensors)? = document["tensors"] else {
      throw malformed(.json, path, nil, "another document", "schema 1 and tensors by name")
    }
    var schemes: [StatedScheme] = []
    for entry in tensors.entries {
      guard case .object(let description) = entry.value, let scheme = scheme(of: description),
        case .bool(let isSymmetric)? = description["symmetric"]
      else {
        throw malformed(.scheme, path, entry.key, "a scheme that is not understood", "one of the page")
      }
      schemes.append(
        StatedScheme(
          name: entry.key, plain: scheme, isSymmetric: isSymmetric, keptRows: description[keptRowsKey]))
    }
    return schemes
  }

  /// The scheme that a description names, but for rows that are kept; `nil` when it names none.
  private static func scheme(of description: Metadata) -> Quantization? {
    func integer(_ key: String) -> Int? {
      guard case .int64(let value)? = description[key], value >= 0 else { return nil }
      return Int(exactly: value)
    }
    guard let scaleKind = description.string("scale").flatMap(Quantization.ScaleKind.init(rawValue:)),
      let activations = description.string("activations").flatMap(
        Quantization.ActivationScheme.init(rawValue:))
    else { return nil }
    let granularity: Quantization.Granularity
    switch (description.string("granularity"), integer("axis"), integer("group_size")) {
    case ("tensor", _, _): granularity = .perTensor
    case ("channel", let axis?, _): granularity = .perChannel(axis: axis)
    case ("group", let axis?, let size?) where size > 0: granularity = .perGroup(axis: axis, size: size)
    case ("run", _, let size?) where size > 0: granularity = .perRun(size)
    default: return nil
    }
    return Quantization(granularity: granularity, scaleKind: scaleKind, activations: activations)
  }
}
