// SPDX-License-Identifier: Apache-2.0
// Where a tensor's bytes are and how they are laid out. A description only: one engine (StorageReader) reads it.

/// The order of the bytes within one number.
public enum ByteOrder: Hashable, Sendable {
  case little, big
}

/// A range of bytes of one of a checkpoint's files.
public struct StorageSegment: Hashable, Sendable {
  /// Index into ``Checkpoint/files``.
  public var file: Int
  /// First byte, from the start of the file.
  public var offset: Int
  /// Bytes as stored: compressed ones where the codec compresses.
  public var byteCount: Int

  /// Makes a range that a reader has checked against the length of its file.
  public init(file: Int, offset: Int, byteCount: Int) {
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
  }
}

/// The order in which a tensor's elements stand in its storage.
public enum ElementLayout: Hashable, Sendable {
  /// Last dimension fastest: C order, contiguous.
  case rowMajor
  /// First dimension fastest: Fortran order, contiguous.
  case columnMajor
  /// Element `(i₀, i₁, …)` is at `offset + Σ iₖ · strides[k]`, counted in elements.
  indirect case strided(offset: Int, strides: [Int])
  /// Each segment holds a box of the tensor in C order; the boxes share no element and leave none out.
  indirect case boxes([ElementBox])
}

/// A part of a tensor that is a range in every dimension.
public struct ElementBox: Hashable, Sendable {
  /// Where it starts in each dimension.
  public var starts: [Int]
  /// How far it goes.
  public var shape: Shape

  /// Makes a box that a reader has checked to lie inside its tensor.
  public init(starts: [Int], shape: Shape) {
    self.starts = starts
    self.shape = shape
  }
}

/// What happens to the sign of stored numbers: torch keeps the conjugate and the negative of a tensor as marks on it.
public enum SignChange: UInt8, CaseIterable, Hashable, Sendable {
  case none
  /// Every number has the other sign.
  case negated
  /// Every imaginary part has the other sign.
  case conjugated
  /// Every real part has the other sign.
  case negatedAndConjugated

  /// The names by which torch marks it.
  public var marks: Set<String> {
    switch self {
    case .none: []
    case .negated: ["neg"]
    case .conjugated: ["conj"]
    case .negatedAndConjugated: ["neg", "conj"]
    }
  }
}

/// How stored bytes become elements.
public enum StorageCodec: Hashable, Sendable {
  /// The bytes are the elements.
  case raw
  /// A raw deflate stream (RFC 1951) that holds `decodedByteCount` bytes, of which the first `skip` are no elements.
  indirect case deflate(skip: Int, decodedByteCount: Int)

  /// Whether any part can be read without reading what stands before it.
  public var allowsRandomAccess: Bool { self == .raw }
}

/// A checksum that the container itself carries for a tensor's bytes.
///
/// Kept apart from the storage that has it, so that storage without one stays small.
public indirect enum StoredChecksum: Hashable, Sendable {
  /// CRC-32 (IEEE) over the `prefix` bytes that stand before the tensor's in the same entry, then the tensor's.
  ///
  /// `rule` is what a mismatch breaks. For a raw codec the prefix is read from the file, for deflate from the stream.
  case crc32(UInt32, prefix: Int, rule: Rule)
  /// CRC-32C (Castagnoli) over the tensor's stored bytes, in one segment.
  case crc32c(UInt32, rule: Rule)
  /// CRC-32C (Castagnoli) over the bytes of each segment by itself.
  case crc32cOfSegments([UInt32], rule: Rule)
  /// XXH3, 128 bits, over the tensor's stored bytes.
  case xxh3(XXH3Digest, rule: Rule)
}

/// An XXH3 checksum of 128 bits.
public struct XXH3Digest: Hashable, Sendable {
  /// The upper 64 bits, as the xxHash library's `high64`.
  public var high: UInt64
  /// The lower 64 bits.
  public var low: UInt64

  /// Makes a digest of its two halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// Where a tensor's bytes are: segments of files, with byte order, layout, codec and the container's own checksum.
public struct TensorStorage: Hashable, Sendable {
  /// The ranges that hold the tensor, in order; one for nearly every format.
  public var segments: Segments
  /// The order of bytes within a number.
  public var byteOrder: ByteOrder
  /// The order of elements.
  public var layout: ElementLayout
  /// How stored bytes become elements.
  public var codec: StorageCodec
  /// What happens to the sign of the numbers.
  public var sign = SignChange.none
  /// The container's checksum of these bytes, if it keeps one.
  public var checksum: StoredChecksum?

  /// One range without an array of its own, or several: most checkpoints have one for each of many tensors.
  public enum Segments: Hashable, Sendable {
    case one(StorageSegment)
    case many([StorageSegment])

    /// All segments in order.
    public var all: [StorageSegment] {
      switch self {
      case .one(let segment): [segment]
      case .many(let segments): segments
      }
    }
  }

  /// Makes a description that its reader has checked.
  public init(
    _ segment: StorageSegment, byteOrder: ByteOrder = .little, layout: ElementLayout = .rowMajor,
    codec: StorageCodec = .raw, checksum: StoredChecksum? = nil
  ) {
    self.segments = .one(segment)
    self.byteOrder = byteOrder
    self.layout = layout
    self.codec = codec
    self.checksum = checksum
  }

  /// Whether the stored bytes are the canonical ones: raw, little-endian, C order, in one range.
  public var isCanonical: Bool {
    guard case .one = segments else { return false }
    return byteOrder == .little && layout == .rowMajor && codec == .raw && sign == .none
  }
}
