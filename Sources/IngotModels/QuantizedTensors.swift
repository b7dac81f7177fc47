// SPDX-License-Identifier: Apache-2.0
// A checkpoint's tensors under their own names on their way to be quantized: scales found, integers, groups and blocks
// added, all others as they are. Which become what is decided before, by a model or without one.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// Tensors of which some are quantized.
struct QuantizedTensors {
  /// How tensors are coded that are quantized, by index.
  var codings: [Int: WeightCoding] = [:]
  /// Why tensors are left out, by index.
  var dropped: [Int: Evidence] = [:]
  /// What floating-point tensors become that are not quantized; `nil` for what they are.
  var restDType: DType?
  /// Tensors that the output has as other names of others, which are coded alike, by index.
  var aliases: [Int: Int] = [:]
  /// What calibrates weights; `nil` for nothing.
  var calibrated: CalibratedWeights?
  private let checkpoint: Checkpoint
  private let path: String
  private let options: QuantizationRequest
  private let work: WorkOptions

  /// Takes a checkpoint of which nothing is quantized yet.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - path: where it is, for errors.
  ///   - options: what is asked for.
  ///   - work: how the work is done.
  init(of checkpoint: Checkpoint, at path: String, options: QuantizationRequest, work: WorkOptions) {
    (self.checkpoint, self.path, self.options, self.work) = (checkpoint, path, options, work)
  }

  /// The error of blocks that a format has no place for.
  static func noPlace(for blockType: BlockType, of tensor: String?, in format: String) -> IngotError {
    .unrepresentable(
      tensor: tensor, target: format, why: "it has no \(words: blockType.rawValue) blocks",
      hint: "gguf and ingot have them; int8 is for the others")
  }

  /// The error of weights for products with int8 activations, which no format says of a file.
  static func noPlaceForActivations(of tensor: String?, in format: String) -> IngotError {
    .unrepresentable(
      tensor: tensor, target: format, why: "it has no place for how activations are quantized",
      hint:
        "\(option: .scheme, "int8") has the same weights; \(option: .program, "transformers") or vllm says it in a config"
    )
  }

  /// Throws for tensors that stay as they are and hold NaN or infinities, unless these are kept.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` naming the first; read errors.
  func requireFinite(_ indexes: [Int]) throws(IngotError) {
    guard !options.keepsNonFinite,
      let finding = try checkpoint.nonFiniteFindings(of: indexes, work: work).first
    else { return }
    throw .unsuitable(
      Location(path, tensor: finding.subject), why: finding.detail,
      hint: "\(option: .nonFinite) keeps it as it is")
  }

  /// Adds all tensors to an output, those that become integers with a scale a channel after a pass that finds the scales.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for values that are not finite,
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for what a scheme does not fit; read errors.
  func add(to output: inout OutputBuilder, progress: (any ProgressObserver)?) throws(IngotError) {
    let scales = try scales(progress: progress)
    let written = Set(checkpoint.tensors.indices.filter { dropped[$0] == nil })
    output.losses += SharedTensors(checkpoint.tensors).losses(writing: written, tied: Set(aliases.keys))
    for (index, tensor) in checkpoint.tensors.enumerated() {
      if let why = dropped[index] {
        output.losses.append(Loss(.dropped, tensor: tensor.name, detail: why))
        continue
      }
      if try addCalibrated(index, scales: scales[index], to: &output) {
        try keepRows(index, in: &output)
        continue
      }
      switch codings[index] {
      case .integers(let scheme)? where codings[index]?.hasGroups == true:
        try output.addGroups(
          tensor.name, of: source(tensor), scheme: scheme, scaleType: options.scaleType,
          notes: [.quantizedToInt8(from: tensor.dtype)])
      case .integers(let scheme)? where codings[index]?.runSize == nil:
        try addIntegers(tensor, scheme: scheme, scales: scales[aliases[index] ?? index] ?? [], to: &output)
      case let coding?:
        try output.add(tensor.name, of: source(tensor), as: coding, notes: castNotes(tensor))
      case nil:
        if let dtype = restDType, !tensor.isQuantized, tensor.dtype.isFloating, tensor.dtype != dtype {
          try output.cast(index, to: dtype, onOverflow: options.onOverflow, aliasOf: nil)
        } else {
          output.keep(index)
        }
      }
      try keepRows(index, in: &output)
      if let target = aliases[index] { output.tieLast(to: checkpoint.tensors[target].name) }
    }
  }

  /// Adds the rows that stay in a type of their own to the tensor that was added last.
  private func keepRows(_ index: Int, in output: inout OutputBuilder) throws(IngotError) {
    guard case .integers(let scheme)? = codings[index], !scheme.keptRows.isEmpty else { return }
    let tensor = checkpoint.tensors[index]
    let rows = LazyPart.gathered(source(tensor), scheme.keptRows.map { Int32(clamping: $0) }, axis: 0)
    let dtype = try keptType(of: rows, stored: tensor.dtype)
    output.keepRowsOfLast(rows.casting(to: dtype, onOverflow: options.onOverflow))
  }

  /// The type that rows are kept in: 16-bit numbers as they are, others as F16, or as F32 where a row's largest magnitude is
  /// beyond F16's normal numbers, so that it would keep less of the row than int8 does.
  private func keptType(of rows: LazyPart, stored dtype: DType) throws(IngotError) -> DType {
    guard dtype != .bf16, dtype != .f16, let width = rows.shape.dimensions.last else { return dtype }
    let normal = Double(Float16.leastNormalMagnitude)...Double(Float16.greatestFiniteMagnitude)
    var (position, largest, fits) = (0, 0.0, true)
    try ArrayLoader(checkpoint, work: work).forEachDouble(of: rows) { value in
      if !(value.magnitude <= largest) { largest = value.magnitude }
      position += 1
      guard position == width else { return }
      if largest != 0, !normal.contains(largest) { fits = false }
      (position, largest) = (0, 0)
    }
    return fits ? .f16 : .f32
  }

  /// Adds a weight that is calibrated.
  ///
  /// - Returns: whether it is one.
  private func addCalibrated(
    _ index: Int, scales: [Float]?, to output: inout OutputBuilder
  ) throws(IngotError) -> Bool {
    guard let calibrated, let coding = codings[index] else { return false }
    let tensor = checkpoint.tensors[index]
    let (roles, outputAxis) = calibrated.parameters(ofTensor: index)
    var notes: [Provenance] = [.quantizedToInt8(from: tensor.dtype)]
    if case .blocks = coding { notes = castNotes(tensor) }
    var draft = WeightDraft(
      name: tensor.name, roles: roles, values: source(tensor), coding: coding,
      outputAxis: outputAxis, notes: notes, byteCountBefore: tensor.byteCount)
    draft.scaleType = options.scaleType
    if let scales, scales.count == 1 { draft.wholeScale = scales[0] }
    return try output.add(draft, by: calibrated)
  }

  private func castNotes(_ tensor: TensorDescriptor) -> [Provenance] {
    tensor.dtype == .f32 ? [] : [.cast(from: tensor.dtype, to: .f32)]
  }

  /// A tensor's values, as they are quantized.
  private func source(_ tensor: TensorDescriptor) -> LazyPart {
    LazyPart.stored(name: tensor.name, tensor.parts[0]).casting(to: .f32, onOverflow: options.onOverflow)
  }

  /// Finds the scales of the tensors that become integers, by index.
  private func scales(progress: (any ProgressObserver)?) throws(IngotError) -> [Int: [Float]] {
    let wanted = codings.compactMap { index, coding -> (index: Int, scheme: Quantization)? in
      if case .integers(let scheme) = coding, coding.runSize == nil, !coding.hasGroups, aliases[index] == nil
      {
        (index, scheme)
      } else {
        nil
      }
    }.sorted { $0.index < $1.index }
    let files = SourceFiles(checkpoint.files, system: work.system)
    let search = ScaleSearch(files: files, path: path, work: work)
    let weights = wanted.map { index, scheme in
      let tensor = checkpoint.tensors[index]
      return ScaleSearch.Weight(
        name: tensor.name, values: source(tensor), axis: scheme.axis, byteCount: tensor.byteCount)
    }
    return Dictionary(
      uniqueKeysWithValues: zip(wanted.map(\.index), try search.scales(of: weights, progress: progress)))
  }

  private func addIntegers(
    _ tensor: TensorDescriptor, scheme: Quantization, scales: [Float], to output: inout OutputBuilder
  ) throws(IngotError) {
    guard let scaleShape = scheme.scaleShape(of: tensor.shape) else {
      throw .internal("a scheme that does not fit")
    }
    output.add(
      PlannedTensor(
        name: tensor.name, TensorType(int8: tensor.shape, scheme, scales: .f32, of: scaleShape),
        transforms: [.quantizedToInt8(from: tensor.dtype)]),
      [
        .quantized(source(tensor), scales: scales, axis: scheme.axis),
        .literal(.f32, scaleShape, ScaleType.f32.bytes(of: scales)),
      ])
  }
}

extension OutputBuilder {
  /// Adds a tensor whose values become blocks, or integers in runs.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - values: F32.
  ///   - coding: what they become; scales of channels are found in a pass before, and not here.
  ///   - notes: what was done before.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values that are no whole runs.
  mutating func add(
    _ name: String, of values: LazyPart, as coding: WeightCoding, notes: [Provenance]
  ) throws(IngotError) {
    if case .blocks(let blockType) = coding {
      return addBlocks(name, of: values, blockType, notes: notes)
    }
    guard let size = coding.runSize else { throw .internal("scales that nobody has found") }
    try addRuns(name, of: values, size: size, notes: notes)
  }
}
