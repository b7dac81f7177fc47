// SPDX-License-Identifier: Apache-2.0
// Hands a model's weights to the runtime: straight from a memory map where the stored bytes are the canonical ones,
// read into memory where they are not.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotRuntime
import IngotTransforms

extension MappedFile: ReleasableBytes {}

/// Loads weights for the runtime.
struct WeightLoader {
  private let model: Model
  private let files: SourceFiles
  private let loader: ArrayLoader

  init(_ model: Model) {
    self.model = model
    files = SourceFiles(model.checkpoint.files)
    loader = ArrayLoader(model.checkpoint)
  }

  /// All weights that the graph needs.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is not sound, and read errors; a
  ///   container's own checksum that does not hold is one.
  func load() throws(IngotError) -> WeightStore {
    try model.requireSound()
    var maps: [Int: MappedFile] = [:]
    var store: WeightStore = [:]
    for (role, index) in model.recognised.tensors {
      store[role] = try weight(model.checkpoint.tensors[index], maps: &maps)
    }
    return store
  }

  private func weight(_ tensor: TensorDescriptor, maps: inout [Int: MappedFile]) throws(IngotError) -> Weight
  {
    if let blockType = tensor.blockType {
      guard let values = tensor.dequantizedValues else {
        throw .unsupported(
          "running weights of \(words: blockType.rawValue) blocks",
          at: Location(model.path, tensor: tensor.name))
      }
      return Weight(dtype: .f32, shape: tensor.shape, bytes: try loader.bytes(values))
    }
    let (scales, axis) = try scales(of: tensor)
    let part = tensor.parts[0]
    guard part.storage.isCanonical, case .one(let segment) = part.storage.segments else {
      let bytes = try loader.bytes(.stored(name: tensor.name, part))
      return Weight(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes, scales: scales, scaleAxis: axis)
    }
    try TensorReader(tensor.name, part, files: files, scratchFolder: defaultScratchFolder)
      .verifyStoredChecksum()
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
      dtype: tensor.dtype, shape: tensor.shape,
      bytes: UnsafeRawBufferPointer(rebasing: map.bytes[segment.offset..<end]), owner: map, scales: scales,
      scaleAxis: axis)
  }

  /// The scales of a quantized tensor, as factors, with their axis.
  private func scales(of tensor: TensorDescriptor) throws(IngotError) -> ([Float], axis: Int?) {
    guard let quantization = tensor.quantization else { return ([], nil) }
    func unsupported(_ what: Evidence) -> IngotError {
      .unsupported(what, at: Location(model.path, tensor: tensor.name))
    }
    guard let part = quantization.parts.first(where: { $0.kind == .scales }), quantization.parts.count == 1
    else {
      throw unsupported("running weights with zero points")
    }
    let bytes = try loader.bytes(.stored(name: tensor.name, part))
    let stored = bytes.withUnsafeBytes { raw in
      stride(from: 0, to: raw.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
    }
    let scales: [Float]
    switch quantization.scheme.scaleKind {
    case .direct: scales = stored
    case .inverse: scales = stored.map { 1 / $0 }
    case .absmax: scales = stored.map { $0 / 127 }
    }
    switch quantization.scheme.granularity {
    case .perTensor: return (scales, nil)
    case .perChannel(let axis): return (scales, axis)
    case .perGroup: throw unsupported("running weights with scales by group")
    }
  }
}

/// Loads a model's weights as the runtime takes them.
///
/// - Parameter model: the model; it must be sound.
/// - Returns: the weights by role, mapped where their stored bytes are the canonical ones.
/// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate; read errors.
public func loadWeights(_ model: Model) throws(IngotError) -> WeightStore {
  try WeightLoader(model).load()
}
