// SPDX-License-Identifier: Apache-2.0
// The digest of a tensor, which does not depend on its container.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// Takes digests of a checkpoint's tensors, streaming each once.
public final class TensorDigester: Sendable {
  private let files: SourceFiles
  private let scratchFolder: String

  /// Makes a digester.
  ///
  /// - Parameters:
  ///   - checkpoint: whose tensors are read.
  ///   - scratchFolder: where scratch files go.
  public init(_ checkpoint: Checkpoint, scratchFolder: String = defaultScratchFolder) {
    files = SourceFiles(checkpoint.files)
    self.scratchFolder = scratchFolder
  }

  /// SHA-256 over the tensor's parts, each little-endian, in C order and contiguous, as 64 hexadecimal digits.
  ///
  /// - Parameters:
  ///   - tensor: one of the checkpoint's.
  ///   - observe: sees each tile too, so that a look at the values needs no second pass.
  /// - Returns: the digest.
  /// - Throws: the source's errors, a container's own checksum that does not hold among them.
  public func digest(
    of tensor: TensorDescriptor,
    observe: (QuantizedPart, UnsafeRawBufferPointer) -> Void = { _, _ in }
  ) throws(IngotError) -> String {
    try digest(of: tensor, engine: TileEngine()) { part, tile, _ in observe(part, tile) }
  }

  private func digest(
    of tensor: TensorDescriptor, engine: TileEngine,
    observe: (QuantizedPart, UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(IngotError) -> String {
    var hash = SHA256()
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: tensor.name, part).open(
        files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, offset) throws(IngotError) in
        hash.update(tile)
        observe(part, tile, offset)
      }
    }
    return hash.finishHex()
  }

  /// Takes the digests of several tensors, each on a thread of its own, and those of other names of one but once.
  ///
  /// - Parameters:
  ///   - tensors: some of the checkpoint's.
  ///   - distinct: which of them are read.
  ///   - crew: the threads.
  ///   - observe: sees each tile too, with the index of the tensor that is read, on any thread; the tiles of a tensor in
  ///     order on one.
  /// - Returns: the digests, in the order of the tensors.
  /// - Throws: the sources' errors.
  func digests(
    of tensors: [TensorDescriptor], _ distinct: DistinctTensors, crew: WorkCrew,
    observe: (Int, QuantizedPart, UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(IngotError) -> [String] {
    let engines = (0..<crew.jobCount).map { _ in TileEngine() }
    let indexes = distinct.indexes
    let order = WorkCrew.order(count: indexes.count) { tensors[indexes[$0]].byteCount }
    let results = Gathered<String>(count: tensors.count, initial: "")
    try crew.run(taskCount: indexes.count) { (slot, task) throws(IngotError) in
      let index = indexes[order?[task] ?? task]
      results[index] = try digest(of: tensors[index], engine: engines[slot]) { part, tile, offset in
        observe(index, part, tile, offset)
      }
    }
    let values = results.values
    return distinct.owners.map { values[$0] }
  }

  /// SHA-256 over a parameter's parts, as of a tensor that holds it.
  func digest(of view: ParameterView, observe: (UnsafeRawBufferPointer) -> Void) throws(IngotError) -> String
  {
    var hash = SHA256()
    let engine = TileEngine()
    for (_, part) in view.parts {
      let tiles = try part.open(files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in
        hash.update(tile)
        observe(tile)
      }
    }
    return hash.finishHex()
  }

  /// Hands over the canonical bytes of a tensor's parts, tile by tile.
  public func forEachTile(
    of tensor: TensorDescriptor,
    _ body: (QuantizedPart, UnsafeRawBufferPointer) throws(IngotError) -> Void
  ) throws(IngotError) {
    let engine = TileEngine()
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: tensor.name, part).open(
        files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in try body(part, tile) }
    }
  }

  /// A pass over parts of the checkpoint's tensors.
  func pass(crew: WorkCrew) -> PartPass {
    PartPass(crew: crew, files: files, scratchFolder: scratchFolder)
  }

  /// Hands over the elements of a part, tile by tile.
  func forEachRun(
    of part: LazyPart, _ body: (Elements) throws(IngotError) -> Void
  ) throws(IngotError) {
    let tiles = try part.open(files: files, scratchFolder: scratchFolder)
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
      try body(Elements(tile, tiles.elementType))
    }
  }

  /// Throws when a file changed while it was read.
  public func checkUnchanged() throws(IngotError) { try files.checkUnchanged() }
}

/// The most threads that work at the same time, whatever is asked for.
public let jobLimit = WorkCrew.jobLimit

extension TensorDescriptor {
  /// Whether its elements stand for other numbers: blocks, or values with scales.
  var isQuantized: Bool { blockType != nil || quantization != nil }

  /// The F32 values that the tensor's blocks, or its values with their scales, stand for; `nil` for one that is not
  /// quantized, and for blocks and schemes without such arithmetic.
  var dequantizedValues: LazyPart? {
    if let quantization {
      return .scaled(parts.map { ($0.kind, .stored(name: name, $0)) }, quantization.scheme)
    }
    guard let blockType, BlockDecoder.supports(blockType) else { return nil }
    return .dequantized(.stored(name: name, parts[0]), blockType, shape)
  }

  /// The numbers that the elements stand for; `nil` where they can't be told.
  var values: LazyPart? {
    isQuantized ? dequantizedValues : .stored(name: name, parts[0])
  }

  /// The error of one whose numbers can't be told, on its way to a dtype.
  func notDequantized(to dtype: DType) -> IngotError {
    .unrepresentable(
      tensor: name, target: dtype.rawValue,
      why: blockType == nil
        ? "\(self.dtype) with such scales are kept as they are, not dequantized"
        : "\(words: typeName) blocks are kept as they are, not dequantized",
      hint: .remedy(.leaveOut))
  }

  /// What dequantizing it is called in the provenance.
  var dequantization: Provenance { blockType.map { .dequantizedBlocks($0) } ?? .scaled(from: dtype) }
}

extension Provenance {
  /// The loss of a tensor that became what it stands for; `nil` for what is no dequantizing.
  func dequantization(of tensor: String, to dtype: DType) -> Loss? {
    switch self {
    case .scaled(let source):
      Loss(.dequantized, tensor: tensor, detail: "\(source) times their scales, now \(dtype)")
    case .dequantizedBlocks(let type):
      Loss(
        .dequantized, tensor: tensor, detail: "what \(words: type.rawValue) blocks stand for, now \(dtype)")
    default: nil
    }
  }
}
