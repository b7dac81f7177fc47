// SPDX-License-Identifier: Apache-2.0
// Which parts several threads may read at the same time, each a stretch of its own.
import IngotCore
import IngotKernels

extension LazyPart {
  /// Whether several sources of this part, opened alike, may each read one stretch of it and be merged.
  ///
  /// A checksum of the container is then taken of each stretch and put together, so every stored byte must be read once,
  /// in its order. Sources of cases that are not listed here need no ``TileSource/merge(_:)``.
  var isDivisible: Bool {
    switch self {
    case .stored(_, let part):
      switch part.storage.checksum {
      case .crc32?, .crc32c?: return part.storage.codec == .raw && part.storage.layout == .rowMajor
      default: return readsFreely
      }
    case .cast(let source, _, _), .quantized(let source, _, _), .reshaped(let source, _):
      return source.isDivisible
    case .dequantized(let source, _, _), .blocks(let source, _), .runs(let source, _, _), .words(let source):
      return source.isDivisible
    case .scaled(let source, let scales):
      // Each stretch reads the scales that it needs; a few may be checked again for that.
      return source.isDivisible
        && scales.parts.allSatisfy { $0.uncast.readsFreely || $0.shape.elementCount <= ScaleGrid.pieceLimit }
    case .transposed(let source):
      return source.readsFreely && TransposedTiles.isDivisible(rowCount: source.shape.dimensions.first ?? 0)
    case .paired(let source, _, _), .regrouped(let source, _, _): return source.readsFreely
    case .rows, .joined, .codes, .gathered: return readsFreely
    case .shifted(let source, _): return source.isDivisible
    case .updated(let source, let update):
      // Each stretch reads the factors, which nobody adds up.
      return source.isDivisible && update.parts.allSatisfy(\.uncast.readsFreely)
    case .summed(let sum): return sum.parts.allSatisfy(\.isDivisible)
    case .literal, .generated, .zeros: return true
    }
  }

  /// Bytes that are read for it, where these may be many times its own; else 0.
  var inputByteCount: Int {
    if case .runs(let source, _, .scales) = self { source.shape.byteCount(of: source.dtype) ?? 0 } else { 0 }
  }

  /// What a cast is made of; the part itself when it is none.
  var uncast: LazyPart { if case .cast(let source, _, _) = self { source } else { self } }

  /// Whether the part may be read in any order, and some of it twice, without decoding, checking or counting more than
  /// what is asked for.
  private var readsFreely: Bool {
    switch self {
    case .stored(_, let part): part.storage.codec == .raw && !part.storage.hasChecksum
    case .reshaped(let source, _), .rows(let source, _): source.readsFreely
    case .joined(let parts, _): parts.allSatisfy(\.readsFreely)
    case .transposed, .paired, .regrouped: isDivisible
    // Numbers are made of codes anew wherever they are read; of scales only what is needed.
    case .codes(let source, _, _), .gathered(let source, _, _), .shifted(let source, _): source.readsFreely
    case .scaled(let source, let scales):
      source.readsFreely && scales.parts.allSatisfy { $0.uncast.readsFreely }
    case .cast(let source, _, _): source.dtype != .f32 && dtype == .f32 && source.readsFreely
    case .literal, .generated, .zeros: true
    default: false
    }
  }
}

extension TensorStorage {
  /// Whether the container has a checksum of these bytes, or of any box of them.
  fileprivate var hasChecksum: Bool {
    guard case .joined(let boxes) = layout else { return checksum != nil }
    return boxes.contains { $0.storage.hasChecksum || $0.storage.codec != .raw }
  }
}
