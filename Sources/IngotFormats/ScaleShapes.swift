// SPDX-License-Identifier: Apache-2.0
// Which values share a scale, told by the shapes of both: one scale in all, one a row or column, one a block. Where two
// block sizes fit a shape, the config or the other weights of the file decide, and nothing is guessed.
// Page: formats/quantized-tensors.md, "Other programs".
import IngotCore

/// A weight that may have scales, before all of a file's are known.
struct ScaleCandidate {
  /// Index of the tensor that holds the values.
  let values: Int
  /// What belongs to it.
  let companions: [ScaleCompanion]
  /// Dimensions of the values.
  let shape: Shape
  /// Block sizes that fit each dimension.
  let blocks: [Set<Int>]?
  /// The dimension that a vector of scales is for; `nil` when it is no vector, or several fit.
  let axis: Int?
  private let fault: Evidence?

  /// The name of the scales behind that of the weight.
  var suffix: String { scale?.suffix ?? "" }

  private var scale: ScaleCompanion? { companions.first { $0.role == .scale || $0.role == .rowMaximum } }

  init(
    _ values: Int, _ companions: [ScaleCompanion], _ tensors: [TensorDescriptor],
    _ declaration: QuantizationDeclaration
  ) {
    self.values = values
    self.companions = companions
    shape = tensors[values].shape
    fault = Self.fault(tensors[values], companions, tensors, declaration)
    let scale = companions.first { $0.role == .scale || $0.role == .rowMaximum }
    guard fault == nil, let scale else {
      (blocks, axis) = (nil, nil)
      return
    }
    let scales = tensors[scale.index].shape
    if scales.elementCount == 1 {
      (blocks, axis) = (shape.dimensions.map { [max(1, $0)] }, nil)
    } else if scales.rank == 1, shape.rank > 1 {
      let dimensions = tensors[values].shape.dimensions
      let fitting = dimensions.indices.filter { dimensions[$0] == scales.elementCount }
      // Rows stand first wherever both are known; a square is as the file's other weights are.
      axis = dimensions.count > 2 && fitting.first == 0 ? 0 : fitting.count == 1 ? fitting[0] : nil
      blocks = fitting.isEmpty ? nil : []
    } else {
      (blocks, axis) = (Self.blocks(shape, scales, declaration), nil)
    }
  }

  /// Why values with these companions are no weights that are understood; `nil` when they may be.
  private static func fault(
    _ values: TensorDescriptor, _ companions: [ScaleCompanion], _ tensors: [TensorDescriptor],
    _ declaration: QuantizationDeclaration
  ) -> Evidence? {
    let scales = companions.filter { $0.role == .scale || $0.role == .rowMaximum }
    if let other = companions.first(where: { $0.role == .other }) {
      return "what \(tensors[other.index].name) beside its \(values.dtype) means is not known"
    }
    guard let scale = scales.first else {
      return companions.isEmpty
        ? "its config declares \(declaration.method ?? ""), and no tensor holds its scales"
        : "its \(values.dtype) have no scales beside them"
    }
    guard scales.count == 1, companions.count(where: { $0.role == .zeroPoint }) < 2 else {
      return "several tensors may be its scales"
    }
    let (name, dtype) = (tensors[scale.index].name, tensors[scale.index].dtype)
    switch (values.dtype, dtype) {
    case (.i8, .f32), (.i8, .f16), (.i8, .bf16):
      guard declaration.bits ?? 8 == 8 else {
        return "its I8 hold \(declaration.bits ?? 8) bits each, packed"
      }
    case (.f8E4M3, .f32), (.f8E4M3, .f16), (.f8E4M3, .bf16), (.f8E4M3, .f8E8M0),
      (.f8E5M2, .f32), (.f8E5M2, .f16), (.f8E5M2, .bf16), (.f8E5M2, .f8E8M0):
      guard !companions.contains(where: { $0.role == .zeroPoint }) else {
        return "floating-point values have no zero points"
      }
    default: return "what \(values.dtype) with scales of \(dtype) in \(name) stand for is not known"
    }
    guard scale.role == .scale || values.dtype == .i8 else { return "\(name) is for I8" }
    return nil
  }

  /// The block sizes that fit each dimension; `nil` when the shapes do not fit each other.
  private static func blocks(
    _ values: Shape, _ scales: Shape, _ declaration: QuantizationDeclaration
  ) -> [Set<Int>]? {
    guard scales.rank <= values.rank else { return nil }
    let counts = scales.dimensions + Array(repeating: 1, count: values.rank - scales.rank)
    var sizes: [Set<Int>] = []
    for (axis, (dimension, count)) in zip(values.dimensions, counts).enumerated() {
      guard count <= dimension, count > 0 else { return nil }
      let fromEnd = values.rank - axis
      let declared =
        fromEnd == 1
        ? declaration.block?.columns ?? declaration.groupSize
        : fromEnd == 2 ? declaration.block?.rows : nil
      var fitting: Set<Int> = []
      if count == 1 || count == dimension {
        fitting = [count == 1 ? dimension : 1]
      } else if let declared {
        if dimension.dividedUp(by: declared) == count { fitting = [declared] }
      } else {
        if dimension % count == 0 { fitting.insert(dimension / count) }
        for power in 3...13 where dimension.dividedUp(by: 1 << power) == count { fitting.insert(1 << power) }
      }
      guard !fitting.isEmpty else { return nil }
      sizes.append(fitting)
    }
    return sizes
  }

  /// What the values stand for.
  func scheme(_ tensors: [TensorDescriptor], habits: ScaleHabits) -> ScaleTensors.Scheme {
    if let fault { return .unknown(fault) }
    guard let scale, let granularity = granularity(habits) else {
      let shapes: Evidence = scale.map { "\(tensors[$0.index].shape)" } ?? "none"
      return .unknown("which of its \(shape) values share one of the scales, \(shapes), is not known")
    }
    let scheme = Quantization(
      granularity: granularity, scaleKind: scale.role == .rowMaximum ? .absmax : .direct)
    var parts = [Self.part(.scales, tensors[scale.index])]
    if let zeros = companions.first(where: { $0.role == .zeroPoint }) {
      let tensor = tensors[zeros.index]
      guard tensor.dtype == .i8, tensor.shape.elementCount == tensors[scale.index].shape.elementCount else {
        return .unknown("its zero points are \(tensor.dtype) of \(tensor.shape)")
      }
      parts.append(Self.part(.zeroPoints, tensor))
    }
    return .known(scheme, parts)
  }

  private static func part(_ kind: PartKind, _ tensor: TensorDescriptor) -> StoredPart {
    StoredPart(PartType(kind: kind, dtype: tensor.dtype, shape: tensor.shape), tensor.storage)
  }

  private func granularity(_ habits: ScaleHabits) -> Quantization.Granularity? {
    guard let blocks else { return nil }
    guard !blocks.isEmpty || shape.rank == 0 else {
      if shape.rank > 2, axis == nil { return nil }
      // The outputs of a linear weight are its rows in every program that keeps scales so.
      if scale?.role == .rowMaximum { return axis ?? 0 == 0 ? .perChannel(axis: 0) : nil }
      guard let axis = axis ?? habits.axis(of: suffix) else { return nil }
      return .perChannel(axis: axis)
    }
    var sizes: [Int] = []
    for (axis, fitting) in blocks.enumerated() {
      guard let size = habits.size(of: fitting, axis: shape.rank - axis, suffix, others: blocks) else {
        return nil
      }
      sizes.append(size)
    }
    return .perBlock(sizes)
  }
}

/// What the weights of a file have in common: one program has written them.
struct ScaleHabits {
  private var sizes: [String: [Int: Set<Int>]] = [:]
  private var axes: [String: Set<Int>] = [:]

  init(_ candidates: [ScaleCandidate]) {
    for candidate in candidates {
      if let axis = candidate.axis { axes[candidate.suffix, default: []].insert(axis) }
      guard let blocks = candidate.blocks else { continue }
      for (axis, fitting) in blocks.enumerated()
      where fitting != [1] && fitting != [candidate.shape.dimensions[axis]] {
        let fromEnd = blocks.count - axis
        let known = sizes[candidate.suffix, default: [:]][fromEnd]
        sizes[candidate.suffix, default: [:]][fromEnd] = known.map { $0.intersection(fitting) } ?? fitting
      }
    }
  }

  /// The one dimension that vectors of scales are for in this file: rows where nothing tells, `nil` where weights differ.
  func axis(of suffix: String) -> Int? {
    guard let axes = axes[suffix] else { return 0 }
    return axes.count == 1 ? axes.first : nil
  }

  /// The block size of a dimension: the one that fits it, all weights of the file, or the weight's other dimension.
  func size(of fitting: Set<Int>, axis: Int, _ suffix: String, others: [Set<Int>]) -> Int? {
    if fitting.count == 1 { return fitting.first }
    let common = fitting.intersection(sizes[suffix]?[axis] ?? [])
    if common.count == 1 { return common.first }
    let square = others.suffix(2).reduce(fitting) { $0.intersection($1) }
    return square.count == 1 ? square.first : nil
  }
}
