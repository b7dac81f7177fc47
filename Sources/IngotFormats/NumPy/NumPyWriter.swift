// SPDX-License-Identifier: Apache-2.0
// Plans .npy files and .npz archives that NumPy reads. Page: formats/numpy.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Plans a .npy file of one tensor.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct NumPyArrayWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = false
  package let holdsCompanions = false
  package let shards = false

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    guard request.tensors.count == 1, let tensor = request.tensors.first, tensor.quantization == nil else {
      throw .unrepresentable(
        tensor: nil, target: "npy",
        why: request.tensors.count == 1
          ? "an .npy file holds one array, and a quantized tensor is several: integers and scales"
          : "an .npy file holds one tensor, and the source has \(request.tensors.count)",
        hint: request.tensors.count == 1 ? "choose .npz" : "choose .npz, or one with \(option: .include)")
    }
    guard let descr = NumPyDType.descr(of: tensor.dtype) else {
      throw .unrepresentable(
        tensor: tensor.name, target: "npy", why: "NumPy has no \(tensor.dtype)",
        hint: tensor.dtype.isCast ? .remedy(.cast(to: [])) : nil)
    }
    try Limit.numpyRank.admit(tensor.shape.rank, "dimensions", tensor: tensor.name, target: "npy")
    let header = NumPyArrayHeader.bytes(descr: descr, shape: tensor.shape)
    var losses = request.metadata.entries.map {
      Loss(.metadata, detail: "\($0.key): an .npy file holds none")
    }
    if tensor.name != FilePath.stem(of: request.fileName) {
      losses.append(
        Loss(.name, tensor: tensor.name, detail: "an .npy file holds no name; the file's own stands for it"))
    }
    let file = PlannedFile(
      name: request.fileName, chunks: [.bytes(header), .part(PartReference(tensor: 0), lead: [])])
    return WritePlan(files: [file], losses: losses)
  }
}

/// Plans a .npz archive.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct NumPyArchiveWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = false
  package let holdsCompanions = false
  package let shards = false
  package let abilities: Set<WriteAbility> = [.compressing, .keepingUnknownBits]

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    var losses: [Loss] = []
    var dtypes: [ExactName: DType] = [:]
    let tensors = request.tensors
    // A header is made again each time: a million of them would take more than all else.
    var layout = ZipLayout(
      for: "npz", compresses: request.compresses, memberCount: tensors.count + 1
    ) { reference in
      Self.header(of: tensors[reference.tensor].parts[reference.part])
    }
    var metadata = request.keepsUnknownBits ? request.metadata : Metadata()
    metadata[QuantizedParts.metadataKey] = QuantizedParts.metadata(of: request.tensors)
    if !request.keepsUnknownBits {
      losses = request.metadata.entries.map {
        Loss(
          .metadata,
          detail:
            "\($0.key): an npz holds arrays only; \(option: .keepsUnknownBits) keeps it in a member of its own"
        )
      }
    }
    for (index, tensor) in request.tensors.enumerated() {
      for (position, part) in tensor.parts.enumerated() {
        let name = tensor.name + part.kind.nameSuffix
        guard !name.isEmpty else {
          throw .unrepresentable(tensor: name, target: "npz", why: "an array has a name", hint: nil)
        }
        guard name + ".npy" != NumPyHiddenMember.name else {
          throw .unrepresentable(
            tensor: name, target: "npz", why: "the member of this name holds dtypes and metadata",
            hint: .remedy(.rename))
        }
        try Limit.numpyRank.admit(part.shape.rank, "dimensions", tensor: name, target: "npz")
        let stored = try Self.storedType(part.dtype, name: name, keepsBits: request.keepsUnknownBits)
        if stored != part.dtype {
          dtypes[ExactName(name)] = part.dtype
          losses.append(Loss(.bits, tensor: name, detail: "\(part.dtype) is stored as \(stored)"))
        }
        try layout.add(
          name + ".npy", PartReference(tensor: index, part: position), byteCount: part.byteCount())
      }
    }
    if !dtypes.isEmpty || !metadata.isEmpty {
      let hidden = NumPyHiddenMember(dtypes: dtypes, metadata: metadata).bytes
      try Limit.admit(document: hidden, NumPyHiddenMember.name, target: "npz")
      let header = NumPyArrayHeader.bytes(descr: "|u1", shape: Shape([hidden.count]) ?? .scalar)
      try layout.add(NumPyHiddenMember.name, content: header + hidden)
    }
    let finished = layout.finished()
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: finished.chunks)], losses: losses,
      digests: [.crc32],
      streams: false, tailByteCount: layout.directoryByteCountLimit
    ) { (written, patch) throws(IngotError) in
      var rest = written[...]
      try finished.patch(behind: &rest, patch)
    }
  }

  /// What stands before a part's bytes.
  private static func header(of part: PartType) -> [UInt8] {
    let dtype = NumPyDType.descr(of: part.dtype) == nil ? NumPyDType.bits(of: part.dtype) : part.dtype
    return NumPyArrayHeader.bytes(descr: dtype.flatMap(NumPyDType.descr) ?? "", shape: part.shape)
  }

  /// The dtype that an array is stored as.
  private static func storedType(
    _ dtype: DType, name: String, keepsBits: Bool
  ) throws(IngotError) -> DType {
    if NumPyDType.descr(of: dtype) != nil { return dtype }
    guard keepsBits, let bits = NumPyDType.bits(of: dtype) else {
      throw .unrepresentable(
        tensor: name, target: "npz", why: "NumPy has no \(dtype)",
        hint: dtype.byteWidth == nil
          ? .remedy(dtype.wayOut) : "\(remedy: dtype.wayOut), \(remedy: .keepBits)"
      )
    }
    return bits
  }
}
