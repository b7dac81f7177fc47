// SPDX-License-Identifier: Apache-2.0
// Plans llama2.c's model files, versions 0 and 1, of F32 tensors that have its names and shapes already: making them from
// another publisher's is the dialect's. Page: formats/llama2c.md.
import IngotBytes
import IngotCore

/// Plans llama2.c model files.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Llama2CWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  package let keepsAliases = false
  package let holdsCompanions = false
  package let shards = false

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    try Self.requireFloat32(request)
    let isLegacy = try Llama2CMetadata.numbers.number(Llama2CMetadata.version, of: request.metadata) == 0
    let version: Llama2CVersion = isLegacy ? .legacy : .float32
    var places: [ExactName: Int] = [:]
    for (index, tensor) in request.tensors.enumerated() {
      guard places.updateValue(index, forKey: ExactName(tensor.name)) == nil else {
        throw Self.unrepresentable(tensor.name, "two tensors have one name")
      }
    }
    let dimensions = try Self.dimensions(of: request, places)
    let isTied = places[ExactName(Llama2CVersion.head)] == nil
    guard let tensors = version.tensors(dimensions, isTied: isTied),
      let byteCount = version.byteCount(dimensions, isTied: isTied)
    else { throw Self.unrepresentable(nil, "its tensors' sizes overflow") }
    let header = Llama2CHeader.bytes(version, dimensions, isTied: isTied)
    var pieces = PieceList()
    pieces.add(1) { _ in .bytes(header) }
    for expected in tensors {
      let turnsMade = [Llama2CVersion.cosines, Llama2CVersion.sines].contains(expected.name)
      guard let index = places[ExactName(expected.name)] else {
        guard turnsMade else { throw Self.missing(expected.name) }
        let (turns, isSine) = (Llama2CTurns(dimensions), expected.name == Llama2CVersion.sines)
        pieces.add(turns.pieceCount) { .bytes(turns.bytes($0, isSine: isSine)) }
        continue
      }
      let shape = request.tensors[index].shape
      guard shape == expected.shape else {
        throw Self.unrepresentable(
          expected.name, "has shape \(shape), and the other tensors and numbers ask for \(expected.shape)")
      }
      pieces.add(1) { _ in .part(PartReference(tensor: index), lead: []) }
    }
    let chunks = pieces.chunks(byteCount: byteCount + header.count)
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: chunks)],
      losses: try Self.losses(request, written: Set(tensors.map { ExactName($0.name) })))
  }

  /// What a file does not hold: tables that are made anew, and metadata that are no numbers of its header.
  private static func losses(
    _ request: WriteRequest, written: Set<ExactName>
  ) throws(IngotError) -> [Loss] {
    var losses: [Loss] = []
    for tensor in request.tensors where !written.contains(ExactName(tensor.name)) {
      guard [Llama2CVersion.cosines, Llama2CVersion.sines].contains(tensor.name) else {
        throw unrepresentable(tensor.name, "is none of its \(written.count, "tensor")")
      }
      losses.append(
        Loss(
          .dropped, tensor: tensor.name, detail: "a table that version 1 of llama2.c's files does not have"))
    }
    return losses + Llama2CMetadata.numbers.losses(request.metadata)
  }

  private static func unrepresentable(_ tensor: String?, _ why: Evidence, hint: Evidence? = nil) -> IngotError
  {
    .unrepresentable(tensor: tensor, target: "llama2c", why: why, hint: hint)
  }

  private static func missing(_ name: String) -> IngotError {
    unrepresentable(
      name, "is missing", hint: "llama2.c's files hold Llama only, under llama2.c's own names")
  }

  /// Throws for tensors that are not F32: those of version 2 are read, and not made.
  private static func requireFloat32(_ request: WriteRequest) throws(IngotError) {
    for tensor in request.tensors {
      guard tensor.quantization == nil else {
        throw unrepresentable(
          tensor.name, "is quantized, and version 2 of its files is not written",
          hint: .remedy(.cast(to: [.f32])))
      }
      guard tensor.dtype == .f32 else {
        throw unrepresentable(
          tensor.name, "is \(tensor.dtype), and all tensors of a file are F32",
          hint: .remedy(.cast(to: [.f32])))
      }
    }
  }

  /// The header's numbers: from the shapes of three tensors, and the two that no shape tells from the metadata.
  private static func dimensions(
    of request: WriteRequest, _ places: [ExactName: Int]
  ) throws(IngotError) -> Llama2CDimensions {
    func lengths(_ name: String, _ rank: Int) throws(IngotError) -> [Int] {
      guard let index = places[ExactName(name)] else { throw missing(name) }
      let shape = request.tensors[index].shape
      guard shape.rank == rank, shape.elementCount > 0 else {
        throw unrepresentable(name, "has shape \(shape), not \(rank, "dimension") that are not 0")
      }
      return shape.dimensions
    }
    let header = Llama2CMetadata.numbers
    let (table, inner, keys) = (
      try lengths("token_embedding_table", 2), try lengths("w1", 3), try lengths("wk", 3)
    )
    let (headCount, contextLength) = (
      try header.require(Llama2CMetadata.headCount, of: request.metadata),
      try header.require(Llama2CMetadata.contextLength, of: request.metadata)
    )
    let width = table[1]
    guard (1...width).contains(headCount), width.isMultiple(of: headCount),
      (width / headCount).isMultiple(of: 2),
      keys[1].isMultiple(of: width / headCount), headCount.isMultiple(of: keys[1] / (width / headCount))
    else {
      throw unrepresentable(
        "wk", "has \(keys[1], "row"), which are no heads for \(headCount) of queries in a width of \(width)")
    }
    let dimensions = Llama2CDimensions(
      width: width, feedForwardWidth: inner[1], blockCount: inner[0], headCount: headCount,
      keyHeadCount: keys[1] / (width / headCount), vocabularySize: table[0], contextLength: contextLength)
    let numbers = [
      (Llama2CMetadata.width, width), (Llama2CMetadata.feedForwardWidth, dimensions.feedForwardWidth),
      (Llama2CMetadata.blockCount, dimensions.blockCount),
      (Llama2CMetadata.keyHeadCount, dimensions.keyHeadCount),
      (Llama2CMetadata.vocabularySize, dimensions.vocabularySize),
    ]
    try header.requireAgreement(numbers, request.metadata)
    try header.requireWords(numbers.map(\.1) + [contextLength])
    return dimensions
  }
}

/// Chunks of a file, some of which are made when they are looked at.
private struct PieceList: Sendable {
  private var ends: [Int] = []
  private var makers: [@Sendable (Int) -> PlannedChunk] = []

  /// Adds chunks.
  mutating func add(_ count: Int, _ make: @escaping @Sendable (Int) -> PlannedChunk) {
    ends.append((ends.last ?? 0) + count)
    makers.append(make)
  }

  /// All of them.
  func chunks(byteCount: Int) -> PlannedChunks {
    PlannedChunks(count: ends.last ?? 0, byteCount: byteCount) { position in
      let list = ends.firstIndex { position < $0 } ?? 0
      return makers[list](position - (list > 0 ? ends[list - 1] : 0))
    }
  }
}
