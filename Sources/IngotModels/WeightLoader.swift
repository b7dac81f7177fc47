// SPDX-License-Identifier: Apache-2.0
// Hands a model's weights to the runtime: straight from a memory map where the stored bytes are the canonical ones,
// read into memory where they are not.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotRuntime
import IngotTransforms

extension MappedFile: PagedBytes {}

/// Loads weights for the runtime.
package struct WeightLoader {
  private let model: Model
  private let precision: Precision
  private let files: SourceFiles
  private let loader: ArrayLoader

  package init(_ model: Model, precision: Precision) {
    self.model = model
    self.precision = precision
    files = SourceFiles(model.checkpoint.files, system: model.work.system)
    loader = ArrayLoader(model.checkpoint, work: model.work)
  }

  /// All weights that the graph needs.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is not sound, and read errors; a
  ///   container's own checksum that does not hold is one.
  package func load() throws(IngotError) -> WeightStore {
    try model.requireSound()
    var maps: [Int: MappedFile] = [:]
    var store: WeightStore = [:]
    var verified = Set<Int>()
    for role in model.recognised.graph.parameters.map(\.role) {
      if let index = model.recognised.tensors[role], verified.insert(index).inserted {
        try verifyChecksums(of: model.checkpoint.tensors[index])
      }
      let isOfNumbers = model.descriptor(role)?.hasNoProduct ?? false
      guard let view = try model.view(of: role, isVerified: true, dequantizes: isOfNumbers) else { continue }
      let name = model.recognised.name(of: role)
      store[role] = try weight(computable(view, name: name), name: name, maps: &maps)
    }
    return store
  }

  /// Checks a tensor once, however many parameters it holds.
  private func verifyChecksums(of tensor: TensorDescriptor) throws(IngotError) {
    if let blockType = tensor.blockType, tensor.dequantizedValues == nil {
      throw .unsupported(
        "running weights of \(words: blockType.rawValue) blocks",
        at: Location(model.path, tensor: tensor.name))
    }
    for part in tensor.parts {
      try TensorReader(tensor.name, part, files: files, scratchFolder: model.work.scratchFolder)
        .verifyStoredChecksum()
    }
  }

  /// A parameter whose values the run's activations have room for: F64 becomes F32 outside the reference.
  private func computable(_ view: ParameterView, name: String) throws(IngotError) -> ParameterView {
    guard view.dtype == .f64, precision != .reference else { return view }
    let narrow = try view.cast(to: .f32, onOverflow: .refuse)
    do throws(IngotError) {
      return ParameterView(
        parts: [(.values, .literal(.f32, view.shape, try loader.bytes(narrow.values)))])
    } catch {
      guard case .unrepresentable(_, _, let why, _) = error else { throw error }
      throw .unsuitable(
        Location(model.path, tensor: name), why: "is F64, and computed with in F32: \(why)",
        hint: .remedy(.computeInFloat64))
    }
  }

  private func weight(
    _ view: ParameterView, name: String, maps: inout [Int: MappedFile]
  ) throws(IngotError) -> Weight {
    let groups = try groups(of: view)
    let (scales, axis) = groups == nil ? try scales(of: view) : ([], nil)
    let kept = try keptRows(of: view)
    let (stored, type) = view.values.asComputed
    guard let segment = stored.exactRange else {
      return Weight(
        type, shape: view.shape, bytes: try loader.bytes(stored), scales: scales, scaleAxis: axis,
        groups: groups, kept: kept)
    }
    let file = model.checkpoint.files[segment.file]
    let path = file.path
    if maps[segment.file] == nil {
      maps[segment.file] =
        if let scratch = file.unnamed as? ScratchSource { try MappedFile(scratch) } else {
          try MappedFile(path: path)
        }
    }
    guard let map = maps[segment.file], let end = segment.offset.checkedAdd(segment.byteCount),
      end <= map.bytes.count
    else {
      throw .sourceChanged(
        path: path, found: "a shorter file", expected: "the one opened before")
    }
    return Weight(
      type, shape: view.shape,
      bytes: UnsafeRawBufferPointer(rebasing: map.bytes[segment.offset..<end]), owner: map, scales: scales,
      scaleAxis: axis, groups: groups, kept: kept)
  }

  /// The scales of a parameter's groups; `nil` for one without.
  private func groups(of view: ParameterView) throws(IngotError) -> GroupScales? {
    guard case .perGroup(let axis, let size)? = view.quantization?.granularity,
      let part = view.parts.first(where: { $0.kind == .scales })?.part
    else { return nil }
    let scales = GroupScales(try loader.bytes(part), dtype: part.dtype, size: size, outputAxis: axis)
    guard let scales, scales.fit(view.shape) else { throw .internal("scales that do not fit their groups") }
    return scales
  }

  /// The rows of a parameter that are stored in a type of their own; `nil` for none.
  private func keptRows(of view: ParameterView) throws(IngotError) -> KeptRows? {
    guard let rows = view.quantization?.keptRows, !rows.isEmpty,
      let part = view.parts.first(where: { $0.kind == .keptRows })?.part
    else { return nil }
    let numbers = Weight(.number(part.dtype), shape: part.shape, bytes: try loader.bytes(part))
    return KeptRows(rows, numbers)
  }

  /// The scales of a quantized parameter, as factors, with their axis.
  private func scales(of view: ParameterView) throws(IngotError) -> ([Float], axis: Int?) {
    guard let scheme = view.quantization, let part = view.parts.first(where: { $0.kind == .scales })?.part
    else { return ([], nil) }
    let stored = try loader.doubles(part).map { Float($0) }
    let scales: [Float]
    switch scheme.scaleKind {
    case .direct: scales = stored
    case .inverse: scales = stored.map { 1 / $0 }
    case .absmax: scales = stored.map { $0 / 127 }
    }
    return (scales, scheme.axis)
  }
}

extension LazyPart {
  /// The part that the runtime holds, and what it is of: blocks that products take as they are, not their values.
  fileprivate var asComputed: (stored: LazyPart, ElementType) {
    guard case .dequantized(let blocks, let blockType, let shape) = self, shape.rank == 2,
      WeightMatrix.Element(.block(blockType)) != nil
    else { return (self, .number(dtype)) }
    return (blocks, .block(blockType))
  }
}

extension TensorDescriptor {
  /// Whether products take the numbers that it stands for, and not its values and scales: those of other types than int8,
  /// with zero points, or with a scale for a part of a channel that is no group of a size they have.
  fileprivate var hasNoProduct: Bool {
    guard let quantization, !isSummedAsIntegers else { return false }
    guard dtype == .i8, quantization.isSymmetric,
      case .perGroup(_, let size) = quantization.scheme.granularity
    else { return true }
    let scales = quantization.parts.filter { $0.kind == .scales }
    return quantization.scheme.scaleKind != .direct
      || !scales.allSatisfy { GroupScales.takes($0.dtype, size: size) }
  }
}

/// Loads a model's weights as the runtime takes them.
///
/// - Parameters:
///   - model: the model; it must be sound.
///   - precision: the arithmetic that they are for; only the reference takes F64 beyond the range of F32.
/// - Returns: the weights by role, mapped where their stored bytes are the canonical ones.
/// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate; read errors.
package func loadWeights(_ model: Model, precision: Precision = .reference) throws(IngotError) -> WeightStore
{
  try WeightLoader(model, precision: precision).load()
}
