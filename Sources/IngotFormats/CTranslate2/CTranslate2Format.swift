// SPDX-License-Identifier: Apache-2.0
// Reads CTranslate2's model files: variables by name, integers with the scales that belong to them, and single numbers,
// which say how a model computes, as metadata. What names mean to a model is not known here. Page: formats/ctranslate2.md.
import IngotBytes
import IngotCore

/// CTranslate2's model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct CTranslate2Format: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "ctranslate2"
  package let title = "CTranslate2"
  package let fileExtensions = ["bin"]
  package let page = "ctranslate2.md"
  package var writer: (any CheckpointWriter)? { CTranslate2Writer() }

  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    CTranslate2Header.recognizes(firstBytes)
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let header = try CTranslate2Header(source)
    let scales = try Self.scales(of: header.variables, path: source.path)
    let taken = options.isRaw ? [] : Set(scales.values)
    var tensors: [TensorDescriptor] = []
    var places: [ExactName: Int] = [:]
    var metadata = CTranslate2Metadata.head(of: header)
    for (index, variable) in header.variables.enumerated() where !taken.contains(index) {
      if let number = variable.number, !options.isRaw, !variable.name.hasSuffix(CTranslate2Header.scaleEnd) {
        metadata.append(
          Metadata.Entry(key: CTranslate2Metadata.attributePrefix + variable.name, value: number))
        continue
      }
      var tensor = TensorDescriptor(
        name: variable.name, dtype: variable.dtype, shape: variable.shape,
        storage: TensorStorage(variable.segment))
      if !options.isRaw, let scale = scales[index] {
        tensor.quantize(Self.scheme, [Self.part(header.variables[scale])])
      }
      places[ExactName(variable.name)] = tensors.count
      tensors.append(tensor)
    }
    for (name, target) in header.aliases {
      // Another name of a single number says nothing that the number does not.
      guard let index = places[ExactName(target)] else { continue }
      var tensor = TensorDescriptor(
        name: name, dtype: tensors[index].dtype, shape: tensors[index].shape, storage: tensors[index].storage,
        aliasOf: target)
      if let quantization = tensors[index].quantization {
        tensor.quantize(quantization.scheme, Array(tensors[index].parts.dropFirst()))
      }
      tensors.append(tensor)
    }
    return Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)], tensors: tensors,
      metadata: Metadata(metadata), indexByteCount: header.headerByteCount)
  }

  /// The variables that hold the scales of integers, by the index of those: CT-10.
  private static func scales(
    of variables: [CTranslate2Variable], path: String
  ) throws(IngotError) -> [Int: Int] {
    var integers: [ExactName: Int] = [:]
    for (index, variable) in variables.enumerated()
    where variable.dtype == .i8 && variable.shape.rank > 0 {
      integers[ExactName(variable.name + CTranslate2Header.scaleEnd)] = index
    }
    var scales: [Int: Int] = [:]
    for (index, variable) in variables.enumerated() {
      guard let owner = integers[ExactName(variable.name)] else { continue }
      let expected = scheme.scaleShape(of: variables[owner].shape)
      guard variable.dtype == .f32, variable.shape == expected else {
        throw .malformed(
          CTranslate2Rule.scale.rule,
          at: Location(path, offset: variable.segment.offset, tensor: variable.name),
          found: "\(variable.dtype) of shape \(variable.shape)",
          expected: "F32 of shape \(expected ?? .scalar), for \(variables[owner].name)")
      }
      scales[owner] = index
    }
    return scales
  }

  /// How integers of 8 bits stand for numbers: each is divided by the scale of its index of the first dimension.
  private static let scheme = Quantization(granularity: .perChannel(axis: 0), scaleKind: .inverse)

  private static func part(_ scales: CTranslate2Variable) -> StoredPart {
    StoredPart(
      PartType(kind: .scales, dtype: scales.dtype, shape: scales.shape), TensorStorage(scales.segment))
  }
}

/// The metadata keys under which a file's own words and numbers travel.
package enum CTranslate2Metadata {
  /// The version of the file's layout.
  package static let version = "ctranslate2.version"
  /// The name of the specification.
  package static let specification = "ctranslate2.specification"
  /// The specification's revision.
  package static let revision = "ctranslate2.revision"
  /// What stands before the name of a single number.
  package static let attributePrefix = "ctranslate2.attribute."

  /// What stands before a file's variables.
  static func head(of header: CTranslate2Header) -> [Metadata.Entry] {
    [
      Metadata.Entry(key: version, value: .uint32(header.version)),
      Metadata.Entry(key: specification, value: .string(header.specification)),
      Metadata.Entry(key: revision, value: .uint32(header.revision)),
    ]
  }
}
