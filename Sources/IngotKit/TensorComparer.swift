// SPDX-License-Identifier: Apache-2.0
// Compares tensors, or parameters seen as lazy views, of two checkpoints: bytes first, then values.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// What is compared under one name.
struct DiffOperand {
  /// The name.
  let name: String
  /// The name of the element type: a dtype's, or a block type's.
  let typeName: String
  /// The element type; of what blocks, or values with scales, stand for.
  let dtype: DType
  /// The dimensions.
  let shape: Shape
  /// How values stand for real numbers.
  let quantization: Quantization?
  /// What it is made of, in the order of digests.
  let parts: [LazyPart]
  /// The values as elements of ``dtype``; `nil` for blocks that are kept as they are.
  let values: LazyPart?
  /// The tensor that it is another name of.
  let aliasOf: String?

  /// A stored tensor.
  init(_ tensor: TensorDescriptor) {
    name = tensor.name
    aliasOf = tensor.aliasOf
    typeName = tensor.typeName
    dtype = tensor.quantization == nil ? tensor.dtype : .f32
    shape = tensor.shape
    quantization = tensor.quantization?.scheme
    parts = tensor.parts.map { .stored(name: tensor.name, $0) }
    values = tensor.values
  }

  /// A parameter.
  init(_ name: String, _ view: ParameterView) {
    self.name = name
    aliasOf = nil
    typeName = view.dtype.rawValue
    dtype = view.quantization == nil ? view.dtype : .f32
    shape = view.shape
    quantization = view.quantization
    parts = view.parts.map(\.part)
    values = view.quantization.map { .scaled(view.parts, $0) } ?? view.values
  }

  /// Canonical bytes of all parts.
  var byteCount: Int { parts.reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) } }
}

/// Two tensors by the names that they are stored under.
private struct AliasPair: Hashable {
  private let first: ExactName
  private let second: ExactName

  /// `nil` where neither is another name of a tensor.
  init?(_ first: DiffOperand, _ second: DiffOperand) {
    guard first.aliasOf != nil || second.aliasOf != nil else { return nil }
    self.first = ExactName(first.aliasOf ?? first.name)
    self.second = ExactName(second.aliasOf ?? second.name)
  }
}

/// Compares tensors of two checkpoints, streaming both.
final class TensorComparer {
  private let options: DiffOptions
  private let files: (SourceFiles, SourceFiles)

  init(_ checkpoints: (Checkpoint, Checkpoint), options: DiffOptions) {
    self.options = options
    files = (SourceFiles(checkpoints.0.files), SourceFiles(checkpoints.1.files))
  }

  /// Compares what has the same name, and tells what has none of the other's.
  ///
  /// Operands may be made when they are looked at: there may be millions.
  func compare<First: RandomAccessCollection<DiffOperand>, Second: RandomAccessCollection<DiffOperand>>(
    _ first: First, _ second: Second, into report: DiffReport, progress: (any ProgressObserver)?
  ) throws(IngotError) -> DiffReport {
    var report = report
    var others: [ExactName: Second.Index] = [:]
    for index in second.indices { others[ExactName(second[index].name)] = index }
    var names = Set<ExactName>(minimumCapacity: first.count)
    var byteCount = 0
    for operand in first {
      names.insert(ExactName(operand.name))
      byteCount += operand.byteCount
      if others[ExactName(operand.name)] == nil { report.onlyFirst.append(operand.name) }
    }
    for operand in second where !names.contains(ExactName(operand.name)) {
      report.onlySecond.append(operand.name)
    }
    names = []
    progress?.begin("comparing", byteCount: byteCount)
    defer { progress?.end() }
    // Other names of two tensors are compared once: a file may have any number of them.
    var known: [AliasPair: DiffReport.Change?] = [:]
    for operand in first {
      guard let index = others[ExactName(operand.name)] else { continue }
      let other = second[index]
      let pair = AliasPair(operand, other)
      let found: DiffReport.Change?
      if let pair, let earlier = known[pair] {
        found = earlier
      } else {
        found = try compare(operand, other)
        if let pair { known[pair] = .some(found) }
      }
      if var change = found {
        change.name = operand.name
        report.changed.append(change)
      } else {
        report.equalCount += 1
      }
      progress?.advance(operand.byteCount)
    }
    return report
  }

  /// The change between two tensors; `nil` when they are the same.
  private func compare(_ a: DiffOperand, _ b: DiffOperand) throws(IngotError) -> DiffReport.Change? {
    var change = DiffReport.Change(
      name: a.name, typeNames: (a.typeName, b.typeName), shapes: (a.shape, b.shape), isWithinTolerance: false)
    guard a.shape == b.shape else { return change }
    let sameType = a.typeName == b.typeName && a.quantization == b.quantization
    if sameType, try haveSameBytes(a, b) { return nil }
    guard let result = try compareValues(a, b) else { return change }
    change.maxAbs = result.maxAbs
    change.rmsRel = result.rmsRel
    change.differingCount = result.differingCount
    if !sameType, a.dtype.isFloating, b.dtype.isFloating {
      if try isCast((a, files.0), (b, files.1)) {
        change.isCastTo = b.dtype
      } else if try isCast((b, files.1), (a, files.0)) {
        change.isCastFrom = a.dtype
      }
    }
    if let tolerance = options.tolerance { change.isWithinTolerance = result.maxAbs <= tolerance }
    return change
  }

  /// Whether two tensors have the same shape and the same values, whatever their dtypes.
  func areEqual(_ a: DiffOperand, _ b: DiffOperand) throws(IngotError) -> Bool {
    guard a.shape == b.shape else { return false }
    if a.typeName == b.typeName, a.quantization == b.quantization, try haveSameBytes(a, b) { return true }
    guard a.quantization == nil, b.quantization == nil else { return false }
    return try compareValues(a, b)?.maxAbs == 0
  }

  private func open(_ part: LazyPart, _ files: SourceFiles) throws(IngotError) -> any TileSource {
    try part.open(files: files, scratchFolder: options.scratchFolder)
  }

  private func haveSameBytes(_ a: DiffOperand, _ b: DiffOperand) throws(IngotError) -> Bool {
    for (left, right) in zip(a.parts, b.parts) {
      if try !areEqual(open(left, files.0), open(right, files.1)) { return false }
    }
    return a.parts.count == b.parts.count
  }

  private func areEqual(_ a: any TileSource, _ b: any TileSource) throws(IngotError) -> Bool {
    guard a.byteCount == b.byteCount else { return false }
    var isSame = true
    try forEachPair(a, b) { left, right in
      if isSame { isSame = left.bytes.elementsEqual(right.bytes) }
    }
    return isSame
  }

  /// Whether a tensor is another, cast to its dtype in one rounding.
  private func isCast(
    _ source: (tensor: DiffOperand, files: SourceFiles), _ target: (tensor: DiffOperand, files: SourceFiles)
  ) throws(IngotError) -> Bool {
    let (a, b) = (source.tensor, target.tensor)
    guard ElementConversion(from: a.dtype, to: b.dtype) != nil, b.typeName == b.dtype.rawValue,
      let values = a.values, let expected = b.parts.first
    else { return false }
    let cast = LazyPart.cast(values, to: b.dtype, onOverflow: .infinity)
    return try areEqual(open(cast, source.files), open(expected, target.files))
  }

  private func compareValues(
    _ a: DiffOperand, _ b: DiffOperand
  ) throws(IngotError) -> ValueDifference? {
    func asDoubles(_ tensor: DiffOperand) -> LazyPart? {
      guard ElementConversion(from: tensor.dtype, to: .f64) != nil else { return nil }
      return tensor.values?.casting(to: .f64, onOverflow: .infinity)
    }
    guard let left = asDoubles(a), let right = asDoubles(b) else { return nil }
    var difference = ValueDifference()
    try forEachPair(open(left, files.0), open(right, files.1)) { (left, right) throws(IngotError) in
      difference.add(try left.doubles(), try right.doubles())
    }
    return difference
  }

  /// Streams two parts of equal length side by side.
  private func forEachPair(
    _ a: any TileSource, _ b: any TileSource, _ body: (Elements, Elements) throws(IngotError) -> Void
  ) throws(IngotError) {
    // Each is cut where it can be, wherever the other one is.
    let readers = (GrainReader(a), GrainReader(b))
    let step = TileEngine.tileByteCount
    let left = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 64)
    let right = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 64)
    defer {
      left.deallocate()
      right.deallocate()
    }
    var offset = 0
    while offset < a.byteCount {
      if Process.isInterrupted { throw .interrupted }
      let count = min(step, a.byteCount - offset)
      let (l, r) = (
        UnsafeMutableRawBufferPointer(rebasing: left[..<count]),
        UnsafeMutableRawBufferPointer(rebasing: right[..<count])
      )
      try readers.0.read(bytesAt: offset, into: l)
      try readers.1.read(bytesAt: offset, into: r)
      try body(
        Elements(UnsafeRawBufferPointer(l), a.elementType), Elements(UnsafeRawBufferPointer(r), b.elementType)
      )
      offset += count
    }
    try a.finish()
    try b.finish()
  }
}

/// How far values are apart.
private struct ValueDifference {
  /// The largest absolute difference; NaN where a value of either side is.
  var maxAbs = 0.0
  var differingCount = 0
  private var squaredDifference = 0.0
  private var squaredValue = 0.0

  /// The root mean square of the differences over that of the first's values; infinite when only the latter is 0.
  var rmsRel: Double { squaredDifference == 0 ? 0 : (squaredDifference / squaredValue).squareRoot() }

  /// Adds elements.
  mutating func add(_ left: UnsafeBufferPointer<Double>, _ right: UnsafeBufferPointer<Double>) {
    for (a, b) in zip(left, right) {
      if a.isFinite { squaredValue += a * a }
      if a == b { continue }
      if !(a.isNaN && b.isNaN) { differingCount += 1 }
      let difference = (a - b).magnitude
      maxAbs = maxAbs.orLarger(difference)
      squaredDifference += difference * difference
    }
  }
}
