// SPDX-License-Identifier: Apache-2.0
// Compares two checkpoints tensor by tensor: names, shapes, and how far the values are apart.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// What differs between two checkpoints.
public struct DiffReport: Sendable {
  /// A tensor that both have and that is not the same.
  public struct Change: Sendable {
    /// Its name.
    public var name: String
    /// The names of its element types in the first and in the second.
    public var typeNames: (String, String)
    /// Its shapes.
    public var shapes: (Shape, Shape)
    /// The largest absolute difference; `nil` when shapes differ or values are no real numbers.
    public var maxAbs: Double?
    /// The root mean square of the differences over that of the first's values.
    public var rmsRel: Double?
    /// Elements that differ.
    public var differingCount: Int?
    /// The cast of the first that gives the second exactly, if one does.
    public var isCastTo: DType?
    /// The cast of the second that gives the first exactly, if one does and the other way round none does.
    public var isCastFrom: DType?
    /// Whether the difference is within the tolerance.
    public var isWithinTolerance: Bool
  }

  /// The first path.
  public var first: String
  /// The second path.
  public var second: String
  /// Names only in the first, in its order.
  public var onlyFirst: [String]
  /// Names only in the second, in its order.
  public var onlySecond: [String]
  /// Tensors that are not the same, in the first's order.
  public var changed: [Change]
  /// Tensors whose dtype, shape and bytes are the same.
  public var equalCount: Int

  /// Whether both hold the same, within the tolerance.
  public var isEqual: Bool {
    onlyFirst.isEmpty && onlySecond.isEmpty && changed.allSatisfy(\.isWithinTolerance)
  }
}

/// Options of ``diff(_:_:options:progress:)``.
public struct DiffOptions: Sendable {
  /// The largest absolute difference of a value that still counts as equal; `nil` for bytes that are the same.
  public var tolerance: Double?
  /// How to read.
  public var reading = ReadOptions()
  /// Where scratch files go.
  public var scratchFolder = defaultScratchFolder

  /// Makes options that want equal bytes.
  public init() {}
}

/// Compares two checkpoints.
///
/// - Parameters:
///   - first: a file, index or folder.
///   - second: another.
///   - options: how close is equal.
///   - progress: hears of bytes compared.
/// - Returns: what differs.
/// - Throws: the readers' errors.
public func diff(
  _ first: String, _ second: String, options: DiffOptions = DiffOptions(),
  progress: (any ProgressObserver)? = nil
) throws(IngotError) -> DiffReport {
  let opener = CheckpointOpener(options: options.reading)
  let (a, b) = (try opener.open(first), try opener.open(second))
  var others: [ExactName: TensorDescriptor] = [:]
  for tensor in b.tensors { others[ExactName(tensor.name)] = tensor }
  let names = Set(a.tensors.map { ExactName($0.name) })
  var report = DiffReport(
    first: first, second: second, onlyFirst: a.tensors.map(\.name).filter { others[ExactName($0)] == nil },
    onlySecond: b.tensors.map(\.name).filter { !names.contains(ExactName($0)) }, changed: [], equalCount: 0)
  let comparer = TensorComparer(a, b, options: options)
  progress?.begin("comparing", byteCount: a.tensors.reduce(0) { $0 + $1.byteCount })
  defer { progress?.end() }
  for tensor in a.tensors {
    guard let other = others[ExactName(tensor.name)] else { continue }
    if let change = try comparer.compare(tensor, other) {
      report.changed.append(change)
    } else {
      report.equalCount += 1
    }
    progress?.advance(tensor.byteCount)
  }
  return report
}

/// Compares tensors of two checkpoints, streaming both.
private final class TensorComparer {
  private let options: DiffOptions
  private let files: (SourceFiles, SourceFiles)

  init(_ first: Checkpoint, _ second: Checkpoint, options: DiffOptions) {
    self.options = options
    files = (SourceFiles(first.files), SourceFiles(second.files))
  }

  /// The change between two tensors; `nil` when they are the same.
  func compare(_ a: TensorDescriptor, _ b: TensorDescriptor) throws(IngotError) -> DiffReport.Change? {
    var change = DiffReport.Change(
      name: a.name, typeNames: (a.typeName, b.typeName), shapes: (a.shape, b.shape), isWithinTolerance: false)
    guard a.shape == b.shape else { return change }
    let sameType = a.typeName == b.typeName && a.quantization?.scheme == b.quantization?.scheme
    if sameType, try haveSameBytes(a, b) { return nil }
    guard a.quantization == nil, b.quantization == nil, let result = try compareValues(a, b) else {
      return change
    }
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

  private func open(_ part: LazyPart, _ files: SourceFiles) throws(IngotError) -> any TileSource {
    try part.open(files: files, scratchFolder: options.scratchFolder)
  }

  private func haveSameBytes(_ a: TensorDescriptor, _ b: TensorDescriptor) throws(IngotError) -> Bool {
    for (left, right) in zip(a.parts, b.parts) {
      let isSame = try areEqual(
        open(.stored(name: a.name, left), files.0), open(.stored(name: b.name, right), files.1))
      if !isSame { return false }
    }
    return a.parts.count == b.parts.count
  }

  private func areEqual(_ a: any TileSource, _ b: any TileSource) throws(IngotError) -> Bool {
    guard a.byteCount == b.byteCount else { return false }
    var isSame = true
    try forEachPair(a, b) { left, right in
      if isSame { isSame = left.elementsEqual(right) }
    }
    return isSame
  }

  /// Whether a tensor is another, cast to its dtype in one rounding.
  private func isCast(
    _ source: (tensor: TensorDescriptor, files: SourceFiles),
    _ target: (tensor: TensorDescriptor, files: SourceFiles)
  ) throws(IngotError) -> Bool {
    let (a, b) = (source.tensor, target.tensor)
    guard ElementConversion(from: a.dtype, to: b.dtype) != nil, b.blockType == nil, let values = a.values
    else { return false }
    let cast = LazyPart.cast(values, to: b.dtype, onOverflow: .infinity)
    return try areEqual(open(cast, source.files), open(.stored(name: b.name, b.parts[0]), target.files))
  }

  private func compareValues(
    _ a: TensorDescriptor, _ b: TensorDescriptor
  ) throws(IngotError) -> ValueDifference? {
    func asDoubles(_ tensor: TensorDescriptor) -> LazyPart? {
      guard let values = tensor.values else { return nil }
      if tensor.dtype == .f64 { return values }
      guard ElementConversion(from: tensor.dtype, to: .f64) != nil else { return nil }
      return .cast(values, to: .f64, onOverflow: .infinity)
    }
    guard let left = asDoubles(a), let right = asDoubles(b) else { return nil }
    var difference = ValueDifference()
    try forEachPair(open(left, files.0), open(right, files.1)) { leftBytes, rightBytes in
      difference.add(leftBytes, rightBytes)
    }
    return difference
  }

  /// Streams two parts of equal length side by side.
  private func forEachPair(
    _ a: any TileSource, _ b: any TileSource, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws(IngotError) {
    let grain = max(a.grainByteCount, b.grainByteCount)
    let step = max(grain, (TileEngine.tileByteCount / grain) * grain)
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
      try a.read(bytesAt: offset, into: l)
      try b.read(bytesAt: offset, into: r)
      body(UnsafeRawBufferPointer(l), UnsafeRawBufferPointer(r))
      offset += count
    }
    try a.finish()
    try b.finish()
  }
}

/// How far values are apart.
private struct ValueDifference {
  var maxAbs = 0.0
  var differingCount = 0
  private var squaredDifference = 0.0
  private var squaredValue = 0.0

  /// The root mean square of the differences over that of the first's values; infinite when only the latter is 0.
  var rmsRel: Double {
    guard squaredDifference > 0 else { return 0 }
    return (squaredDifference / squaredValue).squareRoot()
  }

  /// Adds elements, F64 both.
  mutating func add(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) {
    for offset in stride(from: 0, to: left.count, by: 8) {
      let a = left.loadUnaligned(fromByteOffset: offset, as: Double.self)
      let b = right.loadUnaligned(fromByteOffset: offset, as: Double.self)
      if a.isFinite { squaredValue += a * a }
      if a == b || (a.isNaN && b.isNaN) { continue }
      differingCount += 1
      let difference = (a - b).magnitude
      // A value that is finite on one side only is as far apart as can be.
      maxAbs = max(maxAbs, difference.isNaN ? .infinity : difference)
      squaredDifference += difference.isFinite ? difference * difference : .infinity
    }
  }
}
