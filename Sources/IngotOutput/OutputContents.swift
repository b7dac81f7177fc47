// SPDX-License-Identifier: Apache-2.0
// What each tensor of an output is made of. An output may have a million tensors, nearly all of them stored ones as they
// are: those cost an index each, and their parts are made when they are asked for.
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// What the tensors of an output are made of, in the order of the output.
package struct OutputContents: Sendable {
  /// What one tensor is made of.
  package enum Content: Sendable {
    /// A tensor of the source, as it is.
    case stored(Int)
    /// A tensor of the source, cast.
    case cast(Int, to: DType, onOverflow: OverflowPolicy)
    /// Parts that were put together for it.
    case made([LazyPart])
  }

  private let source: [TensorDescriptor]
  private var contents: [Content] = []

  /// Starts an output made of these tensors, or of nothing on disk.
  package init(source: [TensorDescriptor] = []) {
    self.source = source
    contents.reserveCapacity(source.count)
  }

  /// Adds a tensor behind the others.
  package mutating func append(_ content: Content) { contents.append(content) }

  /// Adds a part to the last tensor, which was put together.
  mutating func appendToLast(_ part: LazyPart) {
    guard case .made(let parts)? = contents.last else { return }
    contents[contents.count - 1] = .made(parts + [part])
  }

  /// The parts of a tensor, in the order of digests.
  package func parts(of tensor: Int) -> [LazyPart] {
    guard contents.indices.contains(tensor) else { return [] }
    switch contents[tensor] {
    case .stored(let index):
      let stored = source[index]
      return stored.parts.map { .stored(name: stored.name, $0) }
    case .cast(let index, let dtype, let onOverflow):
      let stored = source[index]
      return [.cast(.stored(name: stored.name, stored.parts[0]), to: dtype, onOverflow: onOverflow)]
    case .made(let parts):
      return parts
    }
  }

  /// One part, or a share of one.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for a part that there is not.
  package func part(_ reference: PartReference) throws(IngotError) -> LazyPart {
    guard let part = parts(of: reference.tensor).part(reference) else {
      throw .internal("a plan for a part that there is not")
    }
    return part
  }
}

extension [LazyPart] {
  /// One of a tensor's parts, or a share of one; `nil` for one that there is not.
  func part(_ reference: PartReference) -> LazyPart? {
    guard indices.contains(reference.part) else { return nil }
    guard let share = reference.share else { return self[reference.part] }
    guard let count = first?.shape.dimensions.first, share < count,
      self[reference.part].shape.elementCount.isMultiple(of: count)
    else { return nil }
    return self[reference.part].share(share, of: count)
  }
}
