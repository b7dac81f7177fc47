// SPDX-License-Identifier: Apache-2.0
// Parameters seen as lazy views: whatever tensor of a file holds one, in whatever layout, out comes the matrix or vector
// that the graph works on; and from there the tensor that another dialect stores.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotTransforms

/// A parameter as a lazy view of stored tensors.
package struct ParameterView: Sendable {
  /// Values, then scales, zero points and kept rows of a quantized parameter.
  package var parts: [(kind: PartKind, part: LazyPart)]
  /// How values stand for real numbers.
  package var quantization: Quantization?
  /// What was done to what is stored.
  package var notes: [Provenance] = []

  /// A view of parts that are there.
  package init(parts: [(kind: PartKind, part: LazyPart)], quantization: Quantization? = nil) {
    self.parts = parts
    self.quantization = quantization
  }

  /// A stored tensor; blocks and packed values are dequantized, and runs of values, which no layout but the stored one has.
  package init(_ tensor: TensorDescriptor) {
    let isPacked = tensor.quantization == nil && tensor.isQuantized
    if tensor.hasFixedLayout || isPacked, let values = tensor.dequantizedValues {
      parts = [(.values, values)]
      notes = [tensor.dequantization]
    } else {
      quantization = tensor.quantization?.scheme
      parts = tensor.parts.map { ($0.kind, .stored(name: tensor.name, $0)) }
    }
  }

  /// A stored tensor as the numbers that its blocks, or its values with their scales, stand for.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` where they can't be told.
  package init(dequantized tensor: TensorDescriptor) throws(IngotError) {
    guard tensor.isQuantized else {
      self.init(tensor)
      return
    }
    guard let values = tensor.dequantizedValues else { throw tensor.notDequantized(to: .f32) }
    self.init(parts: [(.values, values)])
    notes = [tensor.dequantization]
  }

  /// Zeros.
  package init(zeros shape: Shape, _ dtype: DType) {
    parts = [(.values, .zeros(dtype, shape))]
  }

  /// What a tensor of it is.
  package var type: TensorType {
    let others = parts.dropFirst().map { PartType(kind: $0.kind, dtype: $0.part.dtype, shape: $0.part.shape) }
    return TensorType(
      dtype: dtype, shape: shape,
      quantization: quantization.map { QuantizedType(scheme: $0, parts: others) })
  }

  /// The values.
  package var values: LazyPart { parts.first?.part ?? .zeros(.u8, [0]) }
  /// The element type of the values.
  package var dtype: DType { values.dtype }
  /// The shape of the values.
  package var shape: Shape { values.shape }

  /// Canonical bytes of all parts.
  package var byteCount: Int { parts.reduce(0) { $0 + ($1.part.shape.byteCount(of: $1.part.dtype) ?? 0) } }

  /// The view as the numbers that it stands for where it has rows that are kept, which no other layout has; else itself.
  private var withoutKeptRows: ParameterView {
    guard let quantization, !quantization.keptRows.isEmpty, let values = LazyPart.scaled(parts, quantization)
    else { return self }
    var view = ParameterView(parts: [(.values, values)])
    view.notes = notes + [.scaled(from: dtype)]
    return view
  }

  /// The view with the values, and scales by group, seen otherwise.
  private func map(_ note: Provenance, axis: (Int) -> Int, _ change: (LazyPart) -> LazyPart) -> ParameterView
  {
    var view = withoutKeptRows
    view.notes.append(note)
    view.parts = view.parts.map {
      ($0.kind, $0.kind == .values || $0.part.shape.rank > 1 ? change($0.part) : $0.part)
    }
    switch view.quantization?.granularity {
    case .perChannel(let channel)?: view.quantization?.granularity = .perChannel(axis: axis(channel))
    case .perGroup(let channel, let size)?:
      view.quantization?.granularity = .perGroup(axis: axis(channel), size: size)
    // Blocks of two dimensions are dequantized before their layout changes.
    case .perTensor?, .perBlock?, .perRun?, nil: break
    }
    return view
  }

  /// The transpose of a matrix.
  package var transpose: ParameterView {
    map(.transposed, axis: { 1 - $0 }) { $0.transpose }
  }

  /// A matrix without, or with, a dimension of 1 before the others.
  func withLeadingOne(_ isWanted: Bool) -> ParameterView {
    func shape(_ part: LazyPart) -> Shape {
      Shape(isWanted ? [1] + part.shape.dimensions : Array(part.shape.dimensions.dropFirst())) ?? part.shape
    }
    return map(
      isWanted ? .leadingOneAdded : .leadingOneDropped, axis: { isWanted ? $0 + 1 : $0 - 1 }
    ) {
      $0.reshape(to: shape($0))
    }
  }

  /// A weight or bias with the rows of each head in another order of pairs; the scales of its rows with them.
  func paired(headRowCount: Int, _ order: PairOrder) -> ParameterView {
    moveRows(order == .apart ? .pairedApart : .pairedSideBySide) {
      $0.paired(headRowCount: headRowCount, order)
    }
  }

  /// A weight or bias whose groups of groups of rows change places; the scales of its rows with them.
  func regrouped(outer: Int, inner: Int) -> ParameterView {
    moveRows(.regrouped(outer: outer, inner: inner)) { $0.regroup(outer: outer, inner: inner) }
  }

  private func moveRows(_ note: Provenance, _ change: (LazyPart) -> LazyPart) -> ParameterView {
    var view = withoutKeptRows
    view.notes.append(note)
    let hasRowScales =
      switch view.quantization?.granularity {
      case .perChannel(axis: 0)?, .perGroup(axis: 0, size: _)?: true
      default: false
      }
    view.parts = view.parts.map { ($0.kind, $0.kind == .values || hasRowScales ? change($0.part) : $0.part) }
    return view
  }

  /// A plain vector with a number added to each value, in F32, or in F64 for values that are.
  func shifted(by number: Float) -> ParameterView {
    var view = self
    view.notes.append(.shifted(by: Int(number)))
    view.parts = parts.map { ($0.kind, $0.kind == .values ? $0.part.shift(by: number) : $0.part) }
    return view
  }

  /// The first rows of a plain table.
  package func firstRows(_ count: Int) -> ParameterView {
    map(.firstRows(count), axis: { $0 }) { $0.slice(0..<count) }
  }

  /// A plain matrix with the rows of another of its shape behind its own.
  func joined(with other: ParameterView) -> ParameterView {
    var view = self
    let rows = shape.dimensions.first ?? 0
    let both = Shape([2 * rows] + shape.dimensions.dropFirst()) ?? shape
    view.parts = [(.values, .joined([values, other.values], both))]
    view.notes.append(.joined)
    return view
  }

  /// Plain matrices, or vectors, with the rows of each behind those of the one before.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values of several types, and rows of
  ///   several lengths.
  init(rowsOf views: [ParameterView]) throws(IngotError) {
    guard var view = views.first, let rest = Optional(view.shape.dimensions.dropFirst()),
      views.allSatisfy({
        $0.quantization == nil && $0.dtype == view.dtype && $0.shape.dimensions.dropFirst() == rest
      }), let shape = Shape([views.reduce(0) { $0 + ($1.shape.dimensions.first ?? 0) }] + rest)
    else {
      throw .unrepresentable(
        tensor: views.first?.values.name, target: "one tensor",
        why:
          "it and \(views.count - 1, "other") are to stand in one, and have not one type and length of rows",
        hint: .remedy(.cast(to: [.f32])))
    }
    view.parts = [(.values, .joined(views.map(\.values), shape))]
    view.notes.append(.joined)
    self = view
  }

  /// One half of the rows of a plain matrix.
  func half(isSecond: Bool) -> ParameterView {
    let count = (shape.dimensions.first ?? 0) / 2
    return rows(isSecond ? count..<(2 * count) : 0..<count)
  }

  /// Some rows of a plain matrix.
  func rows(_ rows: Range<Int>) -> ParameterView {
    map(.rows(rows.lowerBound, rows.count), axis: { $0 }) { $0.slice(rows) }
  }

  /// One block's part of a plain stack.
  package func element(_ index: Int) -> ParameterView {
    map(.block(index), axis: { $0 }) { $0.element(index) }
  }

  /// A plain table with rows of zeros behind it.
  package func padded(toRows count: Int) -> ParameterView {
    map(.padded(toRows: count), axis: { $0 }) { $0.pad(toRows: count) }
  }

  /// The parameters of all blocks along a new first dimension.
  package static func stack(_ views: [ParameterView]) -> ParameterView {
    var view = ParameterView(parts: [(.values, .stack(views.map(\.values)))])
    view.notes = (views.first?.notes ?? []).filter { $0 != .block(0) } + [.stacked(blocks: views.count)]
    return view
  }

  /// The values cast in one rounding.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values that are no real numbers by
  ///   themselves.
  package func cast(to dtype: DType, onOverflow: OverflowPolicy) throws(IngotError) -> ParameterView {
    if quantization == nil, values.dtype == dtype { return self }
    guard quantization == nil, values.dtype.isFloating,
      ElementConversion(from: values.dtype, to: dtype) != nil
    else {
      throw .unrepresentable(
        tensor: values.name, target: dtype.rawValue,
        why: quantization == nil
          ? "its \(values.dtype) are not weights without scales" : "its \(values.dtype) have scales",
        hint: nil)
    }
    var view = self
    view.notes.append(.cast(from: values.dtype, to: dtype))
    view.parts = [(.values, .cast(values, to: dtype, onOverflow: onOverflow))]
    return view
  }
}

extension Model {
  /// A parameter as the graph works on it; `nil` when it is missing.
  ///
  /// - Parameters:
  ///   - role: the parameter.
  ///   - isVerified: whether the tensor's checksum was checked, and need not be again.
  ///   - dequantizes: whether values come multiplied by their scales.
  /// - Returns: the view, with linear weights in the layout of the model's graph.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for quantized tensors that hold more than a parameter.
  package func view(
    of role: TensorRole, isVerified: Bool = false, dequantizes: Bool = false
  ) throws(IngotError) -> ParameterView? {
    guard let index = recognised.tensors[role] else {
      guard recognised.zeros.contains(role), let parameter = recognised.graph.parameter(role) else {
        return nil
      }
      var view = ParameterView(zeros: parameter.shape, zeroDType)
      view.notes = [.zeros]
      return view
    }
    let tensor = checkpoint.tensors[index]
    var stored = dequantizes ? try ParameterView(dequantized: tensor) : ParameterView(tensor)
    if isVerified { stored.parts = stored.parts.map { ($0.kind, $0.part.unchecked) } }
    guard let layout = recognised.dialect.layout(of: role.kind),
      let parameter = recognised.graph.parameter(role)
    else { return stored }
    // The graph takes a linear weight as it is stored; every other step is taken back.
    for step in layout.steps(transposing: !parameter.isLinear).reversed() {
      switch step {
      case .transposed, .turned: stored = stored.transpose
      case .leadingOne: stored = stored.withLeadingOne(false)
      case .optionalLeadingOne: if stored.shape.rank == 1 { stored = stored.withLeadingOne(true) }
      case .paired:
        stored = stored.paired(headRowCount: recognised.configuration.config.headDimension, .apart)
      case .byHead:
        stored = stored.regrouped(outer: recognised.configuration.config.headCount, inner: 3)
      case .plusOne: stored = stored.shifted(by: -1)
      case .stacked:
        try requirePlain(stored, tensor.name)
        stored = stored.element(role.block ?? 0)
      case .stackedByExpert:
        try requirePlain(stored, tensor.name)
        stored = stored.element(role.expert ?? 0)
      case .interleaved:
        stored = stored.paired(headRowCount: stored.shape.dimensions.first ?? 0, .apart)
      case .firstHalf, .secondHalf: stored = stored.half(isSecond: step == .secondHalf)
      case .padded:
        try requirePlain(stored, tensor.name)
        let count = parameter.shape.dimensions.first ?? 0
        if stored.shape.dimensions.first != count { stored = stored.firstRows(count) }
      }
    }
    guard let factors = scaling.factors[role] else { return stored }
    return try stored.multiplied(by: factors, outputAxis: parameter.outputAxis ?? 0)
  }

  /// A weight as F32 values with a row for each output.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for what is no matrix.
  func outputRows(of role: TensorRole) throws(IngotError) -> LazyPart {
    guard let parameter = recognised.graph.parameter(role), parameter.shape.rank == 2,
      let view = try view(of: role)
    else { throw .internal("a weight that is no matrix") }
    let values = view.values.casting(to: .f32, onOverflow: .refuse)
    return parameter.outputAxis == 1 ? values.transpose : values
  }

  /// The dtype of the parameters that are there, for those that are not.
  private var zeroDType: DType { descriptor(TensorRole(.tokenEmbedding))?.dtype ?? .f32 }

  private func requirePlain(_ view: ParameterView, _ name: String) throws(IngotError) {
    guard view.quantization == nil else {
      throw .unsupported(
        "quantized tensors that hold more than one parameter", at: Location(path, tensor: name))
    }
  }
}
