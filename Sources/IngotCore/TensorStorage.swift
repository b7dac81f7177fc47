// SPDX-License-Identifier: Apache-2.0
// Where a tensor's bytes are and how they are laid out. A description only: TensorReader reads it.

/// The order of the bytes within one number.
package enum ByteOrder: Hashable, Sendable {
  case little, big
}

/// A range of bytes of one of a checkpoint's files.
package struct StorageSegment: Hashable, Sendable {
  /// Index into ``Checkpoint/files``.
  package var file: Int
  /// First byte, from the start of the file.
  package var offset: Int
  /// Bytes as stored: compressed ones where the codec compresses.
  package var byteCount: Int

  /// Makes a range that a reader has checked against the length of its file.
  package init(file: Int, offset: Int, byteCount: Int) {
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
  }
}

/// The order in which a tensor's elements stand in its storage.
package enum ElementLayout: Hashable, Sendable {
  /// Last dimension fastest: C order, contiguous.
  case rowMajor
  /// First dimension fastest: Fortran order, contiguous.
  case columnMajor
  /// Element `(i₀, i₁, …)` is at `offset + Σ iₖ · strides[k]`, counted in elements.
  indirect case strided(offset: Int, strides: [Int])
  /// Each segment holds a box of the tensor in C order; the boxes share no element and leave none out.
  indirect case boxes([ElementBox])
  /// Boxes that are stored each in its own way; they share no element and leave none out.
  indirect case joined([JoinedBox])
}

/// A part of a tensor with its own storage.
package struct JoinedBox: Hashable, Sendable {
  /// Where it stands in the tensor.
  package var box: ElementBox
  /// Where its elements are.
  package var storage: TensorStorage

  /// Makes a box that a reader has checked to lie inside its tensor.
  package init(box: ElementBox, storage: TensorStorage) {
    self.box = box
    self.storage = storage
  }
}

/// A part of a tensor that is a range in every dimension.
package struct ElementBox: Hashable, Sendable {
  /// Where it starts in each dimension.
  package var starts: [Int]
  /// How far it goes.
  package var shape: Shape

  /// Makes a box that a reader has checked to lie inside its tensor.
  package init(starts: [Int], shape: Shape) {
    self.starts = starts
    self.shape = shape
  }
}

/// What happens to the sign of stored numbers: torch keeps the conjugate and the negative of a tensor as marks on it.
package enum SignChange: UInt8, CaseIterable, Hashable, Sendable {
  case none
  /// Every number has the other sign.
  case negated
  /// Every imaginary part has the other sign.
  case conjugated
  /// Every real part has the other sign.
  case negatedAndConjugated

  /// The names by which torch marks it.
  package var marks: Set<String> {
    switch self {
    case .none: []
    case .negated: ["neg"]
    case .conjugated: ["conj"]
    case .negatedAndConjugated: ["neg", "conj"]
    }
  }
}

/// How stored bytes become elements.
package enum StorageCodec: Hashable, Sendable {
  /// The bytes are the elements.
  case raw
  /// A raw deflate stream (RFC 1951) that holds `decodedByteCount` bytes, of which the first `skip` are no elements.
  indirect case deflate(skip: Int, decodedByteCount: Int)
}

/// A checksum that the container itself carries for a tensor's bytes.
///
/// Kept apart from the storage that has it, so that storage without one stays small.
package indirect enum StoredChecksum: Hashable, Sendable {
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
package struct XXH3Digest: Hashable, Sendable {
  /// The upper 64 bits, as the xxHash library's `high64`.
  package var high: UInt64
  /// The lower 64 bits.
  package var low: UInt64

  /// Makes a digest of its two halves.
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// Where a tensor's bytes are: segments of files, with byte order, layout, codec and the container's own checksum.
package struct TensorStorage: Hashable, Sendable {
  /// The ranges that hold the tensor, in order; one for nearly every format.
  package var segments: Segments
  /// The order of bytes within a number.
  package var byteOrder: ByteOrder
  /// The order of elements.
  package var layout: ElementLayout
  /// How stored bytes become elements.
  package var codec: StorageCodec
  /// What happens to the sign of the numbers.
  package var sign = SignChange.none
  /// The container's checksum of these bytes, if it keeps one.
  package var checksum: StoredChecksum?

  /// One range without an array of its own, or several: most checkpoints have one for each of many tensors.
  package enum Segments: Hashable, Sendable {
    case one(StorageSegment)
    case many([StorageSegment])

    /// All segments in order.
    package var all: [StorageSegment] {
      switch self {
      case .one(let segment): [segment]
      case .many(let segments): segments
      }
    }
  }

  /// Makes a description that its reader has checked.
  package init(
    _ segment: StorageSegment, byteOrder: ByteOrder = .little, layout: ElementLayout = .rowMajor,
    codec: StorageCodec = .raw, checksum: StoredChecksum? = nil
  ) {
    self.segments = .one(segment)
    self.byteOrder = byteOrder
    self.layout = layout
    self.codec = codec
    self.checksum = checksum
  }

  /// Makes a description of boxes that are stored each in its own way.
  package init(joining boxes: [JoinedBox]) {
    segments = .many(boxes.flatMap { $0.storage.segments.all })
    byteOrder = .little
    layout = .joined(boxes)
    codec = .raw
  }

  /// Whether the stored bytes are the canonical ones: raw, little-endian, C order, in one range.
  package var isCanonical: Bool {
    guard case .one = segments else { return false }
    return byteOrder == .little && layout == .rowMajor && codec == .raw && sign == .none
  }
}
