// SPDX-License-Identifier: Apache-2.0
// A planned output: every byte that is known beforehand, and where the tensors' bytes go. Writers make plans and do
// no input or output; one engine (PlanWriter in IngotKit) carries them out, in any order and from any thread.
import IngotBytes
import IngotCore

/// A tensor to be written: what it is, not where its bytes come from.
package struct PlannedTensor: Hashable, Sendable {
  /// Its name in the output.
  package var name: String
  /// What it is.
  package var type: TensorType
  /// The tensor whose bytes these are too, for formats that have aliases.
  package var aliasOf: String?
  /// What was done to it on the way, in order; empty for an exact copy.
  package var transforms: [Provenance]

  /// Makes a tensor to be written.
  package init(name: String, _ type: TensorType, aliasOf: String? = nil, transforms: [Provenance] = []) {
    self.name = name
    self.type = type
    self.aliasOf = aliasOf
    self.transforms = transforms
  }

  /// The element type; of the values, when quantized.
  package var dtype: DType { type.dtype }
  /// The dimensions; of the values, when quantized.
  package var shape: Shape { type.shape }
  /// How values stand for real numbers, with the types of scales and zero points.
  package var quantization: QuantizedType? { type.quantization }
  /// The ggml block type, for tensors that are written as blocks.
  package var blockType: BlockType? { type.blockType }
  /// The name of the element type: a dtype's, or a block type's.
  package var typeName: String { type.typeName }
  /// Its parts in the order of digests: values, scales, zero points; for blocks their bytes.
  package var parts: [PartType] { type.parts }
}

/// A file that holds a run of a request's tensors, which have names of their own there: those of other files may have the same.
package struct ParallelFile: Hashable, Sendable {
  /// Its plain name.
  package var name: String
  /// The tensors, by their places in ``WriteRequest/tensors``.
  package var tensors: Range<Int>

  /// Makes a file.
  package init(name: String, tensors: Range<Int>) {
    self.name = name
    self.tensors = tensors
  }
}

/// Everything a writer needs to know to plan its files.
package struct WriteRequest: Sendable {
  /// The tensors, in the source's order.
  package var tensors: [PlannedTensor]
  /// Metadata to be kept.
  package var metadata: Metadata
  /// Files to travel along.
  package var companions: [Companion]
  /// The files the tensors come from, for the provenance.
  package var sources: [CheckpointFile]
  /// The format of those files.
  package var sourceFormat: String
  /// Whether names are the keys of nested containers of the source, joined.
  package var isNested = false
  /// The name of the weight file, without folders; what the names of several are made of.
  package var fileName: String
  /// The name of the index of several; empty for the one that libraries look for beside such files.
  package var indexName = ""
  /// What the names of the weight files began with before they became one file of another name, in formats that can keep
  /// it; `nil` where nothing is lost.
  package var stem: String?
  /// The most bytes of tensors in one file; `nil` for one file whatever its size.
  package var shardByteLimit: Int?
  /// The files of a model that is cut for several processors, which hold all tensors one after another; none for files as
  /// the writer cuts them.
  package var parallelFiles: [ParallelFile] = []
  /// Whether to compress, in formats that can.
  package var compresses: Bool
  /// Whether dtypes that the format lacks are kept as bits, in formats that can.
  package var keepsUnknownBits: Bool
  /// Whether SHA-256 of each tensor is stored beside faster checksums, in formats that can.
  package var storesSHA256: Bool
  /// Whether names are kept that are valid in the format and longer than its usual program takes.
  package var keepsLongNames: Bool

  /// The name of the index of several files.
  var indexFileName: String { indexName.isEmpty ? WeightFileName.index(of: fileName) : indexName }

  /// Makes a request; set the rest as needed.
  package init(tensors: [PlannedTensor], metadata: Metadata, fileName: String) {
    self.tensors = tensors
    self.metadata = metadata
    self.fileName = fileName
    companions = []
    sources = []
    sourceFormat = ""
    shardByteLimit = nil
    compresses = false
    keepsUnknownBits = false
    storesSHA256 = false
    keepsLongNames = false
  }
}

/// One of the parts of a request's tensors, or a share of one, in eight bytes: there may be millions, and the limits of
/// readers keep their number far below 2^32.
package struct PartReference: Hashable, Comparable, Sendable {
  private var narrowTensor: UInt32
  private var narrowPart: UInt16
  /// 0 for the whole part.
  private var narrowShare: UInt16

  /// Index of the tensor in ``WriteRequest/tensors``.
  package var tensor: Int { Int(narrowTensor) }
  /// Index of the part in ``PlannedTensor/parts``.
  package var part: Int { Int(narrowPart) }

  /// Which share of the part is meant, of as many as the tensor's first dimension has indexes; `nil` for the whole part.
  package var share: Int? { narrowShare == 0 ? nil : Int(narrowShare) - 1 }

  /// Makes a reference.
  ///
  /// - Parameters:
  ///   - tensor: index of the tensor.
  ///   - part: index of the part, of which a tensor has a few.
  ///   - share: which share, below ``shareLimit``.
  package init(tensor: Int, part: Int = 0, share: Int? = nil) {
    narrowTensor = UInt32(clamping: tensor)
    narrowPart = UInt16(clamping: part)
    narrowShare = share.map { UInt16(clamping: $0 + 1) } ?? 0
  }

  /// Shares that can be told apart.
  package static let shareLimit = Int(UInt16.max)

  /// The order of tensors, their parts and the shares of these.
  package static func < (one: PartReference, other: PartReference) -> Bool {
    (one.narrowTensor, one.narrowPart, one.narrowShare)
      < (other.narrowTensor, other.narrowPart, other.narrowShare)
  }
}

/// A run of bytes of a planned file.
package enum PlannedChunk: Hashable, Sendable {
  /// Bytes known beforehand.
  case bytes([UInt8])
  /// A part's canonical bytes, as they are.
  ///
  /// `lead` are bytes before them, written too, that belong to the same checksum (a `.npy` header in its zip entry).
  case part(PartReference, lead: [UInt8])
  /// A part's canonical bytes behind its `lead`, as one raw deflate stream whose length is not known beforehand.
  case deflatedPart(PartReference, lead: [UInt8])
}

/// The chunks of a planned file, in order: at hand, or made each time that one is looked at, where there may be millions.
package struct PlannedChunks: RandomAccessCollection, Sendable {
  private enum Storage: Sendable {
    case list([PlannedChunk])
    case made(count: Int, @Sendable (Int) -> PlannedChunk)
  }

  private let storage: Storage
  /// Bytes of all chunks, where it is known without looking at them.
  package let byteCount: Int?

  /// Takes chunks that are at hand.
  package init(_ chunks: [PlannedChunk]) {
    storage = .list(chunks)
    byteCount = nil
  }

  /// Describes chunks that are made when they are looked at.
  ///
  /// - Parameters:
  ///   - count: chunks.
  ///   - byteCount: bytes of all, when none is deflated.
  ///   - make: gives one of them, from any thread.
  package init(count: Int, byteCount: Int?, _ make: @escaping @Sendable (Int) -> PlannedChunk) {
    storage = .made(count: count, make)
    self.byteCount = byteCount
  }

  /// The first position.
  package var startIndex: Int { 0 }

  /// The position behind the last chunk.
  package var endIndex: Int {
    switch storage {
    case .list(let chunks): chunks.count
    case .made(let count, _): count
    }
  }

  /// Describes consecutive parts without a lead, between bytes that are at hand.
  ///
  /// - Parameters:
  ///   - begin: bytes before the parts.
  ///   - parts: the parts.
  ///   - end: bytes behind them.
  ///   - partByteCount: bytes of all parts.
  init(begin: [[UInt8]] = [], _ parts: [PartReference], end: [[UInt8]] = [], partByteCount: Int) {
    self.init(
      count: begin.count + parts.count + end.count,
      byteCount: (begin + end).reduce(partByteCount) { $0 + $1.count }
    ) { position in
      guard position >= begin.count else { return .bytes(begin[position]) }
      let number = position - begin.count
      return number < parts.count ? .part(parts[number], lead: []) : .bytes(end[number - parts.count])
    }
  }

  /// One chunk.
  package subscript(position: Int) -> PlannedChunk {
    switch storage {
    case .list(let chunks): chunks[position]
    case .made(_, let make): make(position)
    }
  }
}

/// A file to be written.
package struct PlannedFile: Sendable {
  /// Its plain name in the output folder; for a single file the output's own name.
  package var name: String
  /// Its bytes, in order.
  package var chunks: PlannedChunks

  /// Makes a file of chunks that are at hand.
  package init(name: String, chunks: [PlannedChunk]) {
    self.init(name: name, chunks: PlannedChunks(chunks))
  }

  /// Makes a file.
  package init(name: String, chunks: PlannedChunks) {
    self.name = name
    self.chunks = chunks
  }
}

/// A checksum that the engine takes of each part while its bytes are at hand.
package enum PartDigestKind: String, Hashable, Sendable {
  /// CRC-32 of lead and canonical bytes.
  case crc32
  /// CRC-32C of the canonical bytes.
  case crc32c
  /// XXH3, 128 bits, of the canonical bytes.
  case xxh3
  /// SHA-256 of the canonical bytes.
  case sha256
  /// XXH3, 128 bits, of the canonical bytes of the source, before any transform.
  case sourceXXH3
}

/// Bytes to be written when all parts are: checksums and directories.
package struct FilePatch: Hashable, Sendable {
  /// Index of the file in ``WritePlan/files``.
  package var file: Int
  /// Where the bytes go; at the file's end they extend it.
  package var offset: Int
  /// The bytes.
  package var bytes: [UInt8]

  /// Makes a patch.
  package init(file: Int, offset: Int, bytes: [UInt8]) {
    self.file = file
    self.offset = offset
    self.bytes = bytes
  }
}

/// A planned output.
package struct WritePlan: Sendable {
  /// The files, in order.
  package var files: [PlannedFile]
  /// What the format itself can't keep.
  package var losses: [Loss]
  /// Remarks on what is kept.
  package var findings: [Finding] = []
  /// The checksums that ``finish`` needs.
  package var digests: Set<PartDigestKind>
  /// Whether the files can be written from start to end without going back: patches only extend them.
  package var streams: Bool
  /// Bytes that ``finish`` adds at the most; planned sizes count them.
  package var tailByteCount: Int
  /// Makes the bytes that depend on what was written, and hands them over one by one; parts are in the order of the plan,
  /// and none are given to a plan that asks for no ``digests``.
  package var finish: Finish

  /// Makes the bytes that depend on what was written, and hands them over.
  package typealias Finish =
    @Sendable (
      WrittenParts, (FilePatch) throws(IngotError) -> Void
    ) throws(IngotError) -> Void

  /// Makes a plan; without `finish` nothing depends on what was written.
  package init(
    files: [PlannedFile], losses: [Loss] = [], digests: Set<PartDigestKind> = [], streams: Bool = true,
    tailByteCount: Int = 0,
    finish: @escaping Finish = { _, _ in }
  ) {
    self.files = files
    self.losses = losses
    self.digests = digests
    self.streams = streams
    self.tailByteCount = tailByteCount
    self.finish = finish
  }
}

/// What a writer does on request, where its format can.
package enum WriteAbility: Hashable, Sendable {
  /// ``WriteRequest/compresses``
  case compressing
  /// ``WriteRequest/keepsUnknownBits``
  case keepingUnknownBits
  /// ``WriteRequest/storesSHA256``
  case storingSHA256
  /// ``WriteRequest/parallelFiles``
  case cuttingForProcessors
}

/// Plans files of one format.
package protocol CheckpointWriter: Sendable {
  /// Whether the format keeps tied tensors as aliases; otherwise each is stored in full.
  var keepsAliases: Bool { get }
  /// Whether those of a checkpoint of some format are kept, though those of others are not.
  func keepsAliases(of sourceFormat: String) -> Bool
  /// Whether one file holds companions such as the config.
  var holdsCompanions: Bool { get }
  /// Whether an output can be cut into shards.
  var shards: Bool { get }
  /// Whether an output is always several files, and so a folder.
  var needsFolder: Bool { get }
  /// Whether the format holds ggml's blocks as they are; most don't, and are not asked to.
  var holdsBlocks: Bool { get }
  /// Whether its files say by themselves which scales belong to which integers, so that other programs know it too.
  var saysScales: Bool { get }
  /// What it does on request that most formats can't.
  var abilities: Set<WriteAbility> { get }

  /// Plans the output.
  ///
  /// - Parameter request: what to write.
  /// - Returns: the plan, with the losses that the format itself makes.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for what the format can't hold.
  func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan
}

extension CheckpointWriter {
  /// Most formats have one way for all.
  package func keepsAliases(of sourceFormat: String) -> Bool { keepsAliases }
  /// One file is enough for most formats.
  package var needsFolder: Bool { false }
  /// Most formats have one way to be written.
  package var abilities: Set<WriteAbility> { [] }
  /// Most formats know no blocks.
  package var holdsBlocks: Bool { false }
  /// In most formats scales are tensors like others.
  package var saysScales: Bool { false }
}
