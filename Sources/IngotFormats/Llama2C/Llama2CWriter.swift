// SPDX-License-Identifier: Apache-2.0
// Plans llama2.c's model files of tensors that have its names and shapes already: versions 0 and 1 of F32, version 2 where
// matrices are integers in runs. Making them from another publisher's is the dialect's. Page: formats/llama2c.md.
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
  package let saysScales = true

  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let version = try Self.version(of: request)
    try Self.requireTypes(request, version)
    var places: [ExactName: Int] = [:]
    for (index, tensor) in request.tensors.enumerated() {
      guard places.updateValue(index, forKey: ExactName(tensor.name)) == nil else {
        throw Self.unrepresentable(tensor.name, "two tensors have one name")
      }
    }
    let dimensions = try Self.dimensions(of: request, places)
    try Self.requireRoom(for: dimensions, in: version)
    let isTied = places[ExactName(Llama2CVersion.head)] == nil
    guard let tensors = version.tensors(dimensions, isTied: isTied),
      let byteCount = version.byteCount(dimensions, isTied: isTied)
    else { throw Self.unrepresentable(nil, "its tensors' sizes overflow") }
    let header = Llama2CHeader.bytes(version, dimensions, isTied: isTied)
    var pieces = PieceList()
    pieces.add(1) { _ in .bytes(header) }
    for expected in tensors {
      guard let index = places[ExactName(expected.name)] else {
        try Self.addTurns(expected.name, dimensions, to: &pieces)
        continue
      }
      try Self.require(request.tensors[index], toBe: expected, in: version)
      Self.add(index, expected, to: &pieces, version, dimensions)
    }
    let chunks = pieces.chunks(byteCount: byteCount + header.count)
    return WritePlan(
      files: [PlannedFile(name: request.fileName, chunks: chunks)],
      losses: try Self.losses(request, version, written: Set(tensors.map { ExactName($0.name) }))
        + Self.unread(request, version, dimensions))
  }

  /// Adds a tensor's pieces: of integers each block's, with their scales behind them.
  private static func add(
    _ index: Int, _ tensor: Llama2CTensor, to pieces: inout PieceList, _ version: Llama2CVersion,
    _ dimensions: Llama2CDimensions
  ) {
    guard case .int8 = version, tensor.isMatrix else {
      return pieces.add(1) { _ in .part(PartReference(tensor: index), lead: []) }
    }
    guard tensor.isStacked else {
      return pieces.add(2) { .part(PartReference(tensor: index, part: $0), lead: []) }
    }
    pieces.add(2 * dimensions.blockCount) {
      .part(PartReference(tensor: index, part: $0 % 2, share: $0 / 2), lead: [])
    }
  }

  /// Adds a table that is not given, which only version 0 has.
  private static func addTurns(
    _ name: String, _ dimensions: Llama2CDimensions, to pieces: inout PieceList
  ) throws(IngotError) {
    guard [Llama2CVersion.cosines, Llama2CVersion.sines].contains(name) else { throw missing(name) }
    let (turns, isSine) = (Llama2CTurns(dimensions), name == Llama2CVersion.sines)
    pieces.add(turns.pieceCount) { .bytes(turns.bytes($0, isSine: isSine)) }
  }

  /// What its program does not compute with as it was meant: rows that are no whole runs.
  ///
  /// Of a file that is copied this was so before, and of none else are integers without a transform.
  private static func unread(
    _ request: WriteRequest, _ version: Llama2CVersion, _ dimensions: Llama2CDimensions
  ) -> [Loss] {
    guard case .int8(let size) = version, !dimensions.feedForwardWidth.isMultiple(of: size),
      let tensor = request.tensors.first(where: { $0.name == "w2" }), !tensor.transforms.isEmpty
    else { return [] }
    return [
      Loss(
        .readers, tensor: tensor.name,
        detail:
          "its rows have \(dimensions.feedForwardWidth, "value"), no multiple of \(size): llama2.c's runq, which multiplies by whole runs from each row's start, computes something else"
      )
    ]
  }

  /// What a file does not hold: tables that are made anew, and metadata that are no numbers of its header.
  private static func losses(
    _ request: WriteRequest, _ version: Llama2CVersion, written: Set<ExactName>
  ) throws(IngotError) -> [Loss] {
    var losses: [Loss] = []
    for tensor in request.tensors where !written.contains(ExactName(tensor.name)) {
      guard [Llama2CVersion.cosines, Llama2CVersion.sines].contains(tensor.name) else {
        throw unrepresentable(tensor.name, "is none of its \(written.count, "tensor")")
      }
      losses.append(
        Loss(
          .dropped, tensor: tensor.name,
          detail: "a table that version \(version.number) of llama2.c's files does not have"))
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

  /// The version that the tensors ask for: 2 where some are integers in runs, else what the metadata say.
  private static func version(of request: WriteRequest) throws(IngotError) -> Llama2CVersion {
    guard let tensor = request.tensors.first(where: { $0.quantization != nil }) else {
      let isLegacy = try Llama2CMetadata.numbers.number(Llama2CMetadata.version, of: request.metadata) == 0
      return isLegacy ? .legacy : .float32
    }
    guard case .perRun(let size)? = tensor.quantization?.scheme.granularity else {
      throw unrepresentable(
        tensor.name, "is quantized, and not with a scale for each run of values, as version 2 has it",
        hint: .remedy(.dequantize))
    }
    return .int8(groupSize: size)
  }

  /// Throws for tensors that are neither F32 nor, in version 2, integers with an F32 scale for each run of as many values.
  private static func requireTypes(
    _ request: WriteRequest, _ version: Llama2CVersion
  ) throws(IngotError) {
    for tensor in request.tensors {
      guard let quantization = tensor.quantization else {
        guard tensor.dtype != .f32 || tensor.blockType != nil else { continue }
        throw unrepresentable(
          tensor.name, "is \(words: tensor.typeName), and all numbers of a file but integers in runs are F32",
          hint: tensor.dtype.isFloating ? .remedy(.cast(to: [.f32])) : nil)
      }
      guard case .int8(let size) = version, tensor.dtype == .i8,
        quantization.scheme == Quantization(granularity: .perRun(size)),
        let shape = quantization.scheme.scaleShape(of: tensor.shape),
        quantization.parts == [PartType(kind: .scales, dtype: .f32, shape: shape)]
      else {
        throw unrepresentable(
          tensor.name, "is quantized otherwise than others: a file has I8, and one size of runs",
          hint: .remedy(.dequantize))
      }
    }
  }

  /// Throws for a size of runs and for blocks that a file of version 2 can't be read with.
  private static func requireRoom(
    for dimensions: Llama2CDimensions, in version: Llama2CVersion
  ) throws(IngotError) {
    guard case .int8(let size) = version else { return }
    try Llama2CMetadata.numbers.requireWords([size])
    let limit = min(Int(clamping: Limit.llama2cLayers.value), PartReference.shareLimit)
    guard dimensions.blockCount <= limit else {
      throw unrepresentable(
        nil, "its \(dimensions.blockCount, "layer") are more than the \(limit) that are read of version 2")
    }
  }

  /// Throws for a tensor that is not what stands in its place in a file.
  private static func require(
    _ tensor: PlannedTensor, toBe expected: Llama2CTensor, in version: Llama2CVersion
  ) throws(IngotError) {
    guard tensor.shape == expected.shape else {
      throw unrepresentable(
        expected.name,
        "has shape \(tensor.shape), and the other tensors and numbers ask for \(expected.shape)")
    }
    guard case .int8(let size) = version else { return }
    guard (tensor.quantization != nil) == expected.isMatrix else {
      throw unrepresentable(
        expected.name,
        expected.isMatrix
          ? "is F32, and version 2 has no place for it: all matrices are integers there, or none is"
          : "is quantized, and is F32 in version 2", hint: expected.isMatrix ? nil : .remedy(.dequantize))
    }
    let pieceCount = expected.isStacked ? max(1, expected.shape.dimensions.first ?? 1) : 1
    guard !expected.isMatrix || (expected.shape.elementCount / pieceCount).isMultiple(of: size) else {
      throw unrepresentable(
        expected.name,
        "has matrices of \(expected.shape.elementCount / pieceCount, "value"), no whole runs of \(size)",
        hint: .remedy(.dequantize))
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
