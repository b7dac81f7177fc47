// SPDX-License-Identifier: Apache-2.0
// What an output is to hold, collected tensor by tensor, and the plan that a writer makes of it.
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// The tensors and companions of an output while they are being collected.
package struct OutputBuilder {
  /// What the writer is asked for.
  package private(set) var request: WriteRequest
  /// What each tensor is made of.
  package private(set) var contents: OutputContents
  private let source: [TensorDescriptor]
  /// What is not kept.
  package var losses: [Loss] = []
  /// Files that travel along where the output holds them.
  package var companions: [Companion] = []
  /// How the model is cut for several processors; `nil` for whole tensors.
  package var parallelCut: ParallelCut?

  /// Starts an output that is made of a checkpoint.
  package init(of source: Checkpoint) {
    self.init(metadata: source.metadata, source: source.tensors)
    // An index describes the set it stands beside, not the tensors.
    request.metadata["index"] = nil
    request.sources = source.files
    request.sourceFormat = source.format
    request.isNested = source.findings.contains { $0.kind == .joined }
    losses = source.findings.filter { $0.kind == .leftOut }.map {
      Loss(.metadata, detail: "\($0.subject): \($0.detail)")
    }
    losses += source.unopened.map {
      Loss(.dropped, tensor: $0, detail: "not taken by \(option: .include) or \(option: .exclude)")
    }
  }

  /// Starts an output that is made of nothing on disk.
  package init(metadata: Metadata, source: [TensorDescriptor] = []) {
    request = WriteRequest(tensors: [], metadata: metadata, fileName: "")
    // Most outputs have as many: a list that grows takes up to three times as much as it holds.
    request.tensors.reserveCapacity(source.count)
    contents = OutputContents(source: source)
    self.source = source
  }

  /// Adds a tensor made of some parts.
  package mutating func add(_ tensor: PlannedTensor, _ parts: [LazyPart]) {
    request.tensors.append(tensor)
    contents.append(.made(parts))
  }

  /// Adds a tensor of the source as it is, its quantization included.
  ///
  /// - Parameters:
  ///   - index: which tensor.
  ///   - aliasOf: the tensor whose bytes these are too, where the output keeps that.
  package mutating func keep(_ index: Int, aliasOf: String? = nil) {
    let tensor = source[index]
    request.tensors.append(PlannedTensor(name: tensor.name, tensor.type, aliasOf: aliasOf))
    contents.append(.stored(index))
  }

  /// Adds a tensor of the source, cast.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a conversion that there is not.
  package mutating func cast(
    _ index: Int, to dtype: DType, onOverflow: OverflowPolicy, aliasOf: String?
  ) throws(IngotError) {
    let tensor = source[index]
    guard ElementConversion(from: tensor.dtype, to: dtype) != nil else {
      throw .unrepresentable(
        tensor: tensor.name, target: dtype.rawValue, why: "there is no conversion from \(tensor.dtype)",
        hint: .remedy(.leaveOut))
    }
    request.tensors.append(
      PlannedTensor(
        name: tensor.name, TensorType(dtype: dtype, shape: tensor.shape), aliasOf: aliasOf,
        transforms: [.cast(from: tensor.dtype, to: dtype)]))
    contents.append(.cast(index, to: dtype, onOverflow: onOverflow))
  }

  /// Adds a tensor of the source as what its blocks, or its values with their scales, stand for, cast unless F32 is
  /// wanted.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for blocks that are kept as they are.
  package mutating func dequantize(
    _ index: Int, to dtype: DType, onOverflow: OverflowPolicy, aliasOf: String?
  ) throws(IngotError) {
    let tensor = source[index]
    guard var part = tensor.dequantizedValues else { throw tensor.notDequantized(to: dtype) }
    var transforms = [tensor.dequantization]
    if dtype != .f32 {
      part = .cast(part, to: dtype, onOverflow: onOverflow)
      transforms.append(.cast(from: .f32, to: dtype))
    }
    losses += transforms.compactMap { $0.dequantization(of: tensor.name, to: dtype) }
    add(
      PlannedTensor(
        name: tensor.name, TensorType(dtype: dtype, shape: tensor.shape), aliasOf: aliasOf,
        transforms: transforms),
      [part])
  }

  /// Adds a tensor whose values become blocks.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - values: F32.
  ///   - blockType: the type of the blocks.
  ///   - notes: what was done before.
  package mutating func addBlocks(
    _ name: String, of values: LazyPart, _ blockType: BlockType, notes: [Provenance]
  ) {
    add(
      PlannedTensor(
        name: name, TensorType(dtype: .f32, shape: values.shape, blockType: blockType),
        transforms: notes + [.quantizedToBlocks(blockType)]), [.blocks(values, blockType)])
  }

  /// Adds a tensor whose values become integers with a scale for each run of them.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - values: F32, which are whole runs.
  ///   - size: values that share a scale.
  ///   - notes: what was done before.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for values that are no whole runs.
  package mutating func addRuns(
    _ name: String, of values: LazyPart, size: Int, notes: [Provenance]
  ) throws(IngotError) {
    let scheme = Quantization(granularity: .perRun(size))
    guard let scaleShape = scheme.scaleShape(of: values.shape),
      values.shape.elementCount.isMultiple(of: size)
    else {
      throw .unrepresentable(
        tensor: name, target: DType.i8.rawValue,
        why: "its \(values.shape.elementCount, "value") are no whole runs of \(size)", hint: nil)
    }
    let type = TensorType(int8: values.shape, scheme, scales: .f32, of: scaleShape)
    add(
      PlannedTensor(name: name, type, transforms: notes + [.quantizedToInt8(from: .f32)]),
      [.runs(values, RunRule(size: size), .integers), .runs(values, RunRule(size: size), .scales)])
  }

  /// Adds a matrix whose values become integers with a scale for each group of inputs of an output, that of least squared
  /// error.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - values: F32.
  ///   - scheme: groups of a size along the inputs.
  ///   - scaleType: how scales are stored.
  ///   - notes: what was done before.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a matrix whose inputs are no whole groups.
  package mutating func addGroups(
    _ name: String, of values: LazyPart, scheme: Quantization, scaleType: ScaleType, notes: [Provenance]
  ) throws(IngotError) {
    guard case .perGroup(let axis, let size) = scheme.granularity,
      let scaleShape = scheme.scaleShape(of: values.shape)
    else { throw .internal("groups of what is no matrix") }
    let inputs = values.shape.dimensions[1 - axis]
    guard inputs.isMultiple(of: size) else {
      throw .unrepresentable(
        tensor: name, target: DType.i8.rawValue,
        why: "its \(inputs, "input") of an output are no whole groups of \(size)",
        hint: .remedy(.keepWeight))
    }
    let columnCount = axis == 0 ? 1 : values.shape.dimensions[1]
    let rule = RunRule(size: size, columnCount: columnCount, scaleType: scaleType, isFitted: true)
    let type = TensorType(int8: values.shape, scheme, scales: scaleType.dtype, of: scaleShape)
    add(
      PlannedTensor(name: name, type, transforms: notes),
      [.runs(values, rule, .integers), LazyPart.runs(values, rule, .scales).reshape(to: scaleShape)])
  }

  /// Adds numbers of rows, which its scheme says are kept, to the quantized tensor that was added last.
  ///
  /// - Parameter numbers: `[rows, columns]`, F16, BF16 or F32.
  package mutating func keepRowsOfLast(_ numbers: LazyPart) {
    guard let last = request.tensors.indices.last else { return }
    request.tensors[last].type.quantization?.parts.append(
      PartType(kind: .keptRows, dtype: numbers.dtype, shape: numbers.shape))
    contents.appendToLast(numbers)
  }

  /// Makes the tensor that was added last another name of one that has the same values, where the output keeps that.
  ///
  /// - Parameter target: the name of that one.
  package mutating func tieLast(to target: String) {
    guard let last = request.tensors.indices.last else { return }
    request.tensors[last].aliasOf = target
  }

  /// Throws for blocks that a format has no place for.
  private func checkBlocks(for destination: OutputDestination) throws(IngotError) {
    guard !destination.writer.holdsBlocks,
      let tensor = request.tensors.first(where: { $0.blockType != nil })
    else { return }
    throw .unrepresentable(
      tensor: tensor.name, target: destination.formatID,
      why: "it has no \(words: tensor.typeName) blocks", hint: .remedy(.dequantize))
  }

  /// Gives tensors other names.
  ///
  /// - Returns: for each rule the tensors that it names.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for two tensors of one name, and
  ///   ``IngotCore/IngotError/invalidRequest(option:why:)`` for a pattern that names no tensor.
  package mutating func rename(_ renames: [TensorRename], target: String) throws(IngotError) -> [Int] {
    guard !renames.isEmpty else { return [] }
    var counts = renames.map { _ in 0 }
    for tensor in request.tensors {
      if let first = renames.firstIndex(where: { $0.apply(to: tensor.name) != nil }) { counts[first] += 1 }
    }
    for (index, rename) in renames.enumerated() where counts[index] == 0 {
      throw .invalidRequest(option: .renames, why: noMatch(of: rename))
    }
    func renamed(_ name: String) -> String { renames.lazy.compactMap { $0.apply(to: name) }.first ?? name }
    var names: [ExactName: String] = [:]
    for index in request.tensors.indices {
      let old = request.tensors[index].name
      let name = renamed(old)
      if let other = names.updateValue(old, forKey: ExactName(name)) {
        throw .unrepresentable(
          tensor: name, target: target, why: "\(other) and \(old) would both have this name", hint: nil)
      }
      request.tensors[index].name = name
      if let target = request.tensors[index].aliasOf { request.tensors[index].aliasOf = renamed(target) }
    }
    return counts
  }

  /// Why a rule names no tensor.
  private func noMatch(of rename: TensorRename) -> Evidence {
    if request.tensors.contains(where: { rename.apply(to: $0.name) != nil }) {
      return "\(rename.old) matches only tensors that an earlier rule names, which holds"
    }
    // What other patterns match by these, a rule does not.
    guard rename.old.utf8.allSatisfy({ !"{?".utf8.contains($0) }) else {
      return "\(rename.old) matches no tensor; \(option: .renames) takes * only, no ? and no braces"
    }
    return Glob(rename.old).noMatch(of: "tensor", among: request.tensors.lazy.map(\.name))
  }

  /// Sets what a writer may do.
  package mutating func configure(_ change: (inout WriteRequest) -> Void) {
    change(&request)
  }

  /// Plans the output for a destination.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for what the format can't hold.
  package func planned(for destination: OutputDestination) throws(IngotError) -> PlannedOutput {
    try checkBlocks(for: destination)
    if let limit = request.shardByteLimit, limit < 1 {
      throw .invalidRequest(option: .shardByteLimit, why: "is at least 1 byte")
    }
    var request = request
    var losses = losses
    request.fileName = destination.fileName
    (request.indexName, request.stem) = (destination.indexName, destination.sourceStem)
    let travelling = companions.filter { $0.kind != .shardIndex }
    if destination.writer.holdsCompanions, !destination.isFolder {
      request.companions = travelling
    } else if !destination.isFolder {
      losses += travelling.map { destination.hasNoPlace(for: $0.name) }
    }
    if !destination.writer.saysScales, request.tensors.contains(where: { $0.quantization != nil }) {
      losses.append(
        Loss(
          .readers,
          detail:
            "only ingot reads I8 with scales kept so; to other programs the integers are the weights (\(verb: .convert, .dtype, "F32") makes those)"
        ))
    }
    if let shadow = destination.shadow { losses.append(shadow) }
    let pieces = try cut(&request)
    var plan = try destination.writer.plan(request)
    if destination.isFolder {
      // What a file holds may be called anything; beside weights stands what would be taken from there again.
      losses += travelling.compactMap { Loss.leftBehind($0.name, as: CompanionName.judge($0.name)) }
      for companion in travelling {
        guard case .companion = CompanionName.judge(companion.name) else { continue }
        plan.files.append(PlannedFile(name: companion.name, chunks: [.bytes(companion.bytes)]))
      }
    }
    guard !destination.isStream || (plan.streams && plan.files.count == 1) else {
      throw .unrepresentable(
        tensor: nil, target: destination.formatID, why: "it can't be written to a stream", hint: "name a file"
      )
    }
    return PlannedOutput(
      plan: plan, tensors: request.tensors, contents: pieces?.contents ?? contents,
      losses: losses + plan.losses + (try largerFiles()), pieces: pieces)
  }

  /// Puts what each of several processors has of the tensors in their place; `nil` where nothing is cut.
  private func cut(_ request: inout WriteRequest) throws(IngotError) -> ParallelPieces? {
    guard let parallelCut else { return nil }
    let pieces = try ParallelPieces(parallelCut, of: request.tensors, contents)
    (request.tensors, request.parallelFiles) = (pieces.tensors, pieces.files)
    return pieces
  }

  /// Tensors that alone take more than a file is to have.
  private func largerFiles() throws(IngotError) -> [Loss] {
    guard let limit = request.shardByteLimit else { return [] }
    var losses: [Loss] = []
    for tensor in request.tensors where tensor.aliasOf == nil {
      var byteCount = 0
      for part in tensor.parts { byteCount += try part.byteCount() }
      guard byteCount > limit else { continue }
      losses.append(
        Loss(
          .larger, tensor: tensor.name,
          detail: "alone is \(byteCount, "byte"), and its file more than \(limit)"
        ))
    }
    return losses
  }
}

/// An output that is ready to be written.
package struct PlannedOutput: Sendable {
  /// The files.
  package let plan: WritePlan
  /// The tensors.
  package let tensors: [PlannedTensor]
  /// What each tensor is made of.
  package let contents: OutputContents
  /// What is not kept, as far as that is known before writing.
  package let losses: [Loss]
  /// What the tensors are pieces of, where a model is cut for several processors.
  package let pieces: ParallelPieces?

  /// Puts a plan, and what its tensors are made of, together.
  package init(
    plan: WritePlan, tensors: [PlannedTensor], contents: OutputContents, losses: [Loss],
    pieces: ParallelPieces? = nil
  ) {
    (self.plan, self.tensors) = (plan, tensors)
    (self.contents, self.losses) = (contents, losses)
    self.pieces = pieces
  }

  /// The tensors as a reader of the output shows them, before they are cut.
  package var wholeTensors: [PlannedTensor] { pieces?.wholes ?? tensors }
}
