// SPDX-License-Identifier: Apache-2.0
// What a part of an output is made of, as a value: nothing is read until its tiles are.
import IngotBytes
import IngotCore
import IngotKernels

/// How the bytes of one part of an output come to be.
public indirect enum LazyPart: Sendable {
  /// A stored part, as it is.
  case stored(name: String, QuantizedPart)
  /// Bytes at hand.
  case literal(DType, Shape, [UInt8])
  /// F32 values that are made, not read.
  case generated(Shape, GeneratedValues)
  /// Another part with its elements converted, in one rounding.
  case cast(LazyPart, to: DType, onOverflow: OverflowPolicy)
  /// Another part, of F32 values, as symmetric int8 with these scales along an axis, or one scale.
  case quantized(LazyPart, scales: [Float], axis: Int?)

  /// The element type of the result.
  public var dtype: DType {
    switch self {
    case .stored(_, let part): part.dtype
    case .literal(let dtype, _, _): dtype
    case .generated: .f32
    case .cast(_, let target, _): target
    case .quantized: .i8
    }
  }

  /// The shape of the result.
  public var shape: Shape {
    switch self {
    case .stored(_, let part): part.shape
    case .literal(_, let shape, _): shape
    case .generated(let shape, _): shape
    case .cast(let source, _, _), .quantized(let source, _, _): source.shape
    }
  }

  /// The stored range whose bytes are the result's without any change or check; `nil` when there is none.
  public var exactRange: StorageSegment? {
    guard case .stored(_, let part) = self, part.storage.isCanonical, part.storage.checksum == nil,
      case .one(let segment) = part.storage.segments
    else { return nil }
    return segment
  }

  /// Opens the part for reading.
  ///
  /// - Parameters:
  ///   - files: the source's files.
  ///   - scratchFolder: where scratch files go.
  ///   - digestsSource: whether to take XXH3 of what is stored.
  /// - Returns: the tiles.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a conversion there is not.
  public func open(
    files: SourceFiles, scratchFolder: String, digestsSource: Bool = false
  ) throws(IngotError) -> any TileSource {
    switch self {
    case .stored(let name, let part):
      let reader = try TensorReader(name, part, files: files, scratchFolder: scratchFolder)
      return StoredTiles(reader, digests: digestsSource)
    case .literal(_, _, let bytes):
      return LiteralTiles(bytes)
    case .generated(let shape, let values):
      return GeneratedTiles(values, elementCount: shape.elementCount)
    case .cast(let source, let target, let onOverflow):
      guard let conversion = ElementConversion(from: source.dtype, to: target, onOverflow: onOverflow) else {
        throw .unrepresentable(
          tensor: source.name, target: target.rawValue, why: "there is no conversion from \(source.dtype)",
          hint: nil)
      }
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return CastTiles(source.name ?? "", tiles, conversion: conversion)
    case .quantized(let source, let scales, let axis):
      let tiles = try source.open(files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      return QuantizedTiles(
        tiles, layout: ChannelLayout(shape: source.shape, axis: axis), scales: scales)
    }
  }

  /// The stored tensor's name.
  private var name: String? {
    switch self {
    case .stored(let name, _): name
    case .literal, .generated: nil
    case .cast(let source, _, _), .quantized(let source, _, _): source.name
    }
  }
}
