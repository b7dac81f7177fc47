// SPDX-License-Identifier: Apache-2.0
// The numbers of packed tensors as lazy parts: each step of their description is one that streams.
import IngotCore
import IngotKernels

extension LazyPart {
  /// The F32 numbers that packed parts stand for.
  ///
  /// - Parameters:
  ///   - values: how numbers are made of the parts.
  ///   - parts: the stored arrays.
  /// - Returns: the numbers; `nil` where there is no such arithmetic.
  package static func packed(_ values: PackedValues, of parts: [LazyPart]) -> LazyPart? {
    switch values {
    case .part(let index):
      guard parts.indices.contains(index) else { return nil }
      let part = parts[index]
      guard part.dtype != .f32 else { return part }
      guard part.dtype != .f64, ElementConversion(from: part.dtype, to: .f32) != nil else { return nil }
      return .cast(part, to: .f32, onOverflow: .refuse)
    case .codes(let index, let layout, let shape):
      return parts.indices.contains(index) ? .codes(parts[index], layout, shape) : nil
    case .scaled(let source, let scales, let zeroPoints, let scheme):
      guard let source = packed(source, of: parts), let scales = packed(scales, of: parts) else { return nil }
      var all: [(kind: PartKind, part: LazyPart)] = [(.values, source), (.scales, scales)]
      if let zeroPoints {
        guard let zeroPoints = packed(zeroPoints, of: parts) else { return nil }
        all.append((.zeroPoints, zeroPoints))
      }
      return .scaled(all, scheme)
    case .shifted(let source, let shift): return packed(source, of: parts).map { .shifted($0, by: shift) }
    case .gathered(let source, let indexes, let axis):
      return packed(source, of: parts).map { .gathered($0, indexes, axis: axis) }
    case .reshaped(let source, let shape):
      guard let source = packed(source, of: parts), source.shape.elementCount == shape.elementCount else {
        return nil
      }
      return source.reshape(to: shape)
    case .transposed(let source):
      guard let source = packed(source, of: parts) else { return nil }
      switch source.shape.rank {
      case 2: return source.transpose
      case 3 where source.shape.dimensions[0] > 0:
        return .stack((0..<source.shape.dimensions[0]).map { source.element($0).transpose })
      default: return nil
      }
    }
  }
}
