// SPDX-License-Identifier: Apache-2.0
// Plans CTranslate2's model files of tensors that have its names already: making them from a model's is not done here.
// Page: formats/ctranslate2.md.
import IngotBytes
import IngotCore

/// Plans CTranslate2 model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct CTranslate2Writer: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = true
  package let holdsCompanions = false
  package let shards = false
  package let saysScales = true

  /// The version that is written unless the metadata say another.
  private static let version: UInt32 = 6
  /// The most bytes of a variable, whose length is a number of 32 bits.
  private static let greatestByteCount = Int(UInt32.max)

  /// Something with a name, in a file: fields, and behind them bytes that are known or those of a tensor's part.
  private struct Variable {
    let name: String
    let fields: [UInt8]
    let part: PartReference?
  }

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let variables = try Self.variables(of: request)
    var names = Set<ExactName>()
    for name in variables.map(\.name) + request.tensors.compactMap({ $0.aliasOf == nil ? nil : $0.name }) {
      guard names.insert(ExactName(name)).inserted else {
        throw Self.unrepresentable(name, "two variables would have this name")
      }
    }
    var fields = try Self.head(of: request)
    fields.appendLittle(UInt32(clamping: variables.count))
    var chunks: [PlannedChunk] = []
    for variable in variables {
      fields += variable.fields
      guard let part = variable.part else { continue }
      chunks += [.bytes(fields), .part(part, lead: [])]
      fields = []
    }
    let aliases = request.tensors.compactMap { tensor in tensor.aliasOf.map { (tensor.name, $0) } }
      .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    fields.appendLittle(UInt32(clamping: aliases.count))
    for (name, target) in aliases {
      fields += try Self.text(name)
      fields += try Self.text(target)
    }
    chunks.append(.bytes(fields))
    try Self.requireReadable(chunks)
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: chunks)], losses: Self.losses(request.metadata))
  }

  /// Throws for more bytes beside those of tensors than are read.
  private static func requireReadable(_ chunks: [PlannedChunk]) throws(IngotError) {
    let count = chunks.reduce(0) { sum, chunk in
      if case .bytes(let bytes) = chunk { sum + bytes.count } else { sum }
    }
    guard UInt64(count) <= Limit.ctranslate2HeaderBytes.value else {
      throw unrepresentable(
        nil,
        "\(count, "byte") beside those of tensors are more than the \(Limit.ctranslate2HeaderBytes.value) that are read"
      )
    }
  }

  /// The version, the specification and its revision.
  private static func head(of request: WriteRequest) throws(IngotError) -> [UInt8] {
    guard let specification = request.metadata.string(CTranslate2Metadata.specification),
      let revision = number(CTranslate2Metadata.revision, of: request.metadata),
      !specification.isEmpty, specification.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw unrepresentable(
        nil, "a file says which specification its variables are of, and no metadata do",
        hint: "\(option: .program, "ctranslate2") makes one of a model that is known")
    }
    let version = number(CTranslate2Metadata.version, of: request.metadata) ?? Self.version
    guard CTranslate2Header.versions.contains(version) else {
      throw unrepresentable(nil, "\(words: CTranslate2Metadata.version) is \(version), which is not written")
    }
    var bytes: [UInt8] = []
    bytes.appendLittle(version)
    bytes += try text(specification)
    bytes.appendLittle(revision)
    return bytes
  }

  /// A number of 32 bits among metadata, of any integer type or as text.
  private static func number(_ key: String, of metadata: Metadata) -> UInt32? {
    metadata[key].flatMap { $0.integer ?? $0.text.flatMap { Int($0) } }.flatMap { UInt32(exactly: $0) }
  }

  // MARK: - Variables

  /// All variables, by name as CTranslate2's converters sort them.
  private static func variables(of request: WriteRequest) throws(IngotError) -> [Variable] {
    var variables: [Variable] = []
    for entry in request.metadata.entries where entry.key.hasPrefix(CTranslate2Metadata.attributePrefix) {
      let name = String(entry.key.dropFirst(CTranslate2Metadata.attributePrefix.count))
      guard let (dtype, bytes) = elements(of: entry.value) else {
        throw unrepresentable(
          name, "is no number of a type that it has",
          hint: "\(.value(entry.key)) among the metadata has lost its type on the way")
      }
      variables.append(
        Variable(
          name: name, fields: try fields(name, dtype, .scalar, byteCount: bytes.count) + bytes, part: nil))
    }
    for (index, tensor) in request.tensors.enumerated() where tensor.aliasOf == nil {
      try requireScheme(tensor)
      for (number, part) in tensor.parts.enumerated() {
        let name = number == 0 ? tensor.name : tensor.name + CTranslate2Header.scaleEnd
        variables.append(
          Variable(
            name: name,
            fields: try fields(name, part.dtype, part.shape, byteCount: try part.byteCount()),
            part: PartReference(tensor: index, part: number)))
      }
    }
    return variables.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// What stands before the bytes of a variable.
  private static func fields(
    _ name: String, _ dtype: DType, _ shape: Shape, byteCount: Int
  ) throws(IngotError) -> [UInt8] {
    guard let id = CTranslate2Header.dtypes.firstIndex(of: dtype) else {
      throw unrepresentable(
        name, "it has no \(dtype)",
        hint: dtype.isFloating ? .remedy(.cast(to: [.f32, .f16, .bf16])) : .remedy(.leaveOut))
    }
    guard shape.rank <= Int(UInt8.max), shape.dimensions.allSatisfy({ $0 <= greatestByteCount }),
      byteCount <= greatestByteCount
    else {
      throw unrepresentable(
        name, "has \(byteCount, "byte"), and what says how many there are has 32 bits")
    }
    var bytes = try text(name)
    bytes.append(UInt8(shape.rank))
    for dimension in shape.dimensions { bytes.appendLittle(UInt32(clamping: dimension)) }
    bytes.append(UInt8(id))
    bytes.appendLittle(UInt32(clamping: byteCount))
    return bytes
  }

  /// A name as a file has it.
  private static func text(_ text: String) throws(IngotError) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard (1..<Int(UInt16.max)).contains(bytes.count), !bytes.contains(0) else {
      throw unrepresentable(text, "names have 1 to \(Int(UInt16.max) - 1) bytes, none of them 0")
    }
    var result: [UInt8] = []
    result.appendLittle(UInt16(clamping: bytes.count + 1))
    return result + bytes + [0]
  }

  /// A number of metadata as an element of its type; `nil` for other values.
  private static func elements(of value: MetadataValue) -> (DType, [UInt8])? {
    var bytes: [UInt8] = []
    switch value {
    case .int8(let number): return (.i8, [UInt8(bitPattern: number)])
    case .int16(let number):
      bytes.appendLittle(UInt16(bitPattern: number))
      return (.i16, bytes)
    case .int32(let number):
      bytes.appendLittle(number)
      return (.i32, bytes)
    case .float32(let number):
      bytes.appendLittle(number.bitPattern)
      return (.f32, bytes)
    default: return nil
    }
  }

  /// Throws for integers with other scales than a file says.
  private static func requireScheme(_ tensor: PlannedTensor) throws(IngotError) {
    guard let quantization = tensor.quantization else { return }
    let scheme = Quantization(granularity: .perChannel(axis: 0), scaleKind: .inverse)
    guard tensor.dtype == .i8, quantization.scheme == scheme,
      let shape = scheme.scaleShape(of: tensor.shape),
      quantization.parts == [PartType(kind: .scales, dtype: .f32, shape: shape)]
    else {
      throw unrepresentable(
        tensor.name, "its integers of 8 bits are divided by an F32 scale for each row, and these have others",
        hint: .remedy(.dequantize))
    }
  }

  /// Metadata that a file has no place for.
  private static func losses(_ metadata: Metadata) -> [Loss] {
    let own: Set = [
      CTranslate2Metadata.version, CTranslate2Metadata.specification, CTranslate2Metadata.revision,
    ]
    return metadata.entries.filter {
      !own.contains($0.key) && !$0.key.hasPrefix(CTranslate2Metadata.attributePrefix)
    }.map {
      Loss(.metadata, detail: "\($0.key): CTranslate2's files hold the numbers of a model only")
    }
  }

  private static func unrepresentable(_ tensor: String?, _ why: Evidence, hint: Evidence? = nil) -> IngotError
  {
    .unrepresentable(tensor: tensor, target: "ctranslate2", why: why, hint: hint)
  }
}
