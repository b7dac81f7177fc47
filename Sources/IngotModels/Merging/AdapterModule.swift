// SPDX-License-Identifier: Apache-2.0
// One module of an adapter: its two narrow matrices and what they make of the base's weight, by the rules of
// formats/adapters.md on shapes.
import IngotCore
import IngotFormats
import IngotTransforms

/// The tensors that an adapter has for a module.
struct AdapterModule {
  /// The module's name, without the prefix that PEFT adds.
  let name: String
  /// The tensors by what they are for.
  private(set) var tensors: [AdapterTensorName.Part: TensorDescriptor] = [:]

  init(_ name: String) { self.name = name }

  /// Adds a tensor.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with AD-09 for a second one.
  mutating func add(_ part: AdapterTensorName.Part, _ tensor: TensorDescriptor, path: String)
    throws(IngotError)
  {
    if let other = tensors.updateValue(tensor, forKey: part) {
      throw .malformed(
        AdapterRule.unique.rule, at: Location(path, tensor: tensor.name), found: "\(other.name) for the same",
        expected: "one tensor")
    }
  }

  /// A way in which two narrow matrices make a change of a weight.
  struct Change {
    /// L R, as the weight's rows and columns have it.
    let update: LowRankUpdate
    /// The weight as a matrix.
    let matrix: Shape
    /// Outputs of the module.
    let outputCount: Int
    /// Which of the matrix's values are an output's.
    let axis: ChannelAxis
    /// The narrow dimension.
    let rank: Int
  }

  /// What the tensors make of a weight.
  ///
  /// - Parameters:
  ///   - weight: the base's.
  ///   - config: the adapter's config.
  ///   - factor: what the product is multiplied by beyond what the config says.
  ///   - path: the adapter's file.
  ///   - squareHasInputsFirst: says of a square weight whether it is `[in, out]`.
  /// - Returns: the change.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with AD-03 to AD-06.
  func change(
    of weight: TensorDescriptor, config: AdapterConfig, factor: Double, path: String,
    squareHasInputsFirst: () throws(IngotError) -> Bool
  ) throws(IngotError) -> Change {
    let isEmbedding = tensors[.embeddingA] != nil || tensors[.embeddingB] != nil
    let (a, b) = try pair(isEmbedding: isEmbedding, path: path)
    for tensor in tensors.values where !tensor.isRealWeight {
      throw .malformed(
        AdapterRule.dtype.rule, at: Location(path, tensor: tensor.name), found: "\(words: tensor.typeName)",
        expected: "a floating-point dtype")
    }
    guard a.shape.rank >= 2, b.shape.rank >= 2, a.shape.dimensions[0] == b.shape.dimensions[1],
      a.shape.dimensions[0] > 0
    else {
      throw .malformed(
        AdapterRule.shape.rule, at: Location(path, tensor: b.name),
        found: "\(b.shape) beside \(a.shape)", expected: "[out, r] beside [r, in]")
    }
    let rank = a.shape.dimensions[0]
    guard config.rank(of: name) == rank else {
      throw .malformed(
        AdapterRule.rank.rule, at: Location(path, tensor: a.name), found: "a rank of \(rank)",
        expected: "\(config.rank(of: name)), as \(config.path) says")
    }
    let place = try place(of: weight, a, b, isEmbedding: isEmbedding, path: path, squareHasInputsFirst)
    func factors(_ left: TensorDescriptor, _ right: TensorDescriptor, isTurned: Bool) throws(IngotError) -> (
      LowRankUpdate.Factor, LowRankUpdate.Factor
    ) {
      (
        LowRankUpdate.Factor(try left.matrix(), isTurned: isTurned),
        LowRankUpdate.Factor(try right.matrix(), isTurned: isTurned)
      )
    }
    let (left, right) =
      place.isTurned ? try factors(a, b, isTurned: true) : try factors(b, a, isTurned: false)
    return Change(
      update: LowRankUpdate(
        left: left, right: right, scale: config.scale(of: name, rank: rank) * factor, path: path),
      matrix: place.matrix, outputCount: b.shape.dimensions[0], axis: place.isTurned ? .columns : .rows,
      rank: rank)
  }

  /// Both matrices.
  private func pair(
    isEmbedding: Bool, path: String
  ) throws(IngotError) -> (TensorDescriptor, TensorDescriptor) {
    let (a, b) = (tensors[isEmbedding ? .embeddingA : .a], tensors[isEmbedding ? .embeddingB : .b])
    let hasOther = isEmbedding && (tensors[.a] != nil || tensors[.b] != nil)
    guard let a, let b, !hasOther else {
      throw .malformed(
        AdapterRule.pair.rule, at: Location(path, tensor: name),
        found: .value(tensors.values.map(\.name).sorted().joined(separator: ", ")),
        expected: "one A and one B")
    }
    return (a, b)
  }

  /// Whether the weight has the inputs first, and the weight as a matrix.
  private func place(
    of weight: TensorDescriptor, _ a: TensorDescriptor, _ b: TensorDescriptor, isEmbedding: Bool,
    path: String,
    _ squareHasInputsFirst: () throws(IngotError) -> Bool
  ) throws(IngotError) -> (isTurned: Bool, matrix: Shape) {
    let (inputs, outputs) = (Array(a.shape.dimensions.dropFirst()), b.shape.dimensions[0])
    let dimensions = weight.shape.dimensions
    let isFlat = a.shape.rank == 2 && b.shape.rank == 2
    let fitsPlain = isFlat && dimensions == [outputs] + inputs
    let fitsTurned = isFlat && dimensions == inputs + [outputs]
    if fitsTurned {
      // Of what is square the shape does not tell; an embedding has its inputs first.
      let tells = isEmbedding || !fitsPlain
      let isTurned = tells ? true : try squareHasInputsFirst()
      if isTurned { return (true, weight.shape) }
    }
    // A convolution whose B looks at one place is a product over all that A looks at.
    let isConvolution =
      dimensions.count > 2 && a.shape.rank == dimensions.count && b.shape.rank == dimensions.count
      && dimensions == [outputs] + inputs && b.shape.dimensions.dropFirst(2).allSatisfy { $0 == 1 }
    guard !isEmbedding, fitsPlain || isConvolution, let matrix = weight.shape.matrix else {
      throw .malformed(
        AdapterRule.shape.rule, at: Location(path, tensor: a.name),
        found: "\(a.shape), with \(b.shape), for \(weight.name) of \(weight.shape)",
        expected: "shapes whose product is the weight's")
    }
    return (false, matrix)
  }
}

extension Shape {
  /// The first dimension by all others together.
  var matrix: Shape? {
    guard let first = dimensions.first else { return nil }
    var rest = 1
    for dimension in dimensions.dropFirst() {
      guard let product = rest.checkedMultiply(dimension) else { return nil }
      rest = product
    }
    return Shape([first, rest])
  }
}

extension TensorDescriptor {
  /// The values as a matrix.
  fileprivate func matrix() throws(IngotError) -> LazyPart {
    guard let matrix = shape.matrix else { throw .internal("a matrix without rows") }
    return LazyPart.stored(name: name, parts[0]).reshape(to: matrix)
  }
}
