// SPDX-License-Identifier: Apache-2.0
// A conversion between dialects: which one is wanted, whether the model can be expressed in it, and the output with its
// names, layouts and config. Page: formats/dialects.md.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// A change from one dialect to another.
package struct DialectChange {
  let model: Model
  let target: Dialect
  private let selection: TensorSelection
  private let head: HeadTie
  /// The program that must be able to compute with the output; `nil` when none is named.
  private let program: String?
  /// The names that tensors get, by their position: reports show them, so that patterns match them too.
  package let targetNames: [Int: [String]]

  /// Whether there is a head that ``HeadTie`` leaves out or stores.
  package var changesHead: Bool {
    let recognised = model.recognised
    switch head {
    case .asIs: return false
    case .tie:
      return recognised.tensors[TensorRole(.head)] != nil || recognised.tiedCopy != nil
        || target.storesTiedHead
    case .untie: return recognised.configuration.config.tiesHead || model.takesStoredHead
    }
  }

  /// The ids of both dialects.
  package var dialects: (from: String, to: String) { (model.recognised.dialect.id, target.id) }

  /// Whether another dialect's names are wanted than the model has, or another head.
  package var changesNames: Bool { model.recognised.dialect.id != target.id || head != .asIs }

  /// Finds out whether and to which dialect a conversion changes; `nil` when names and layouts stay.
  ///
  /// - Parameters:
  ///   - source: the checkpoint.
  ///   - path: where it is.
  ///   - options: what is asked for.
  ///   - format: the id of the output's format, which may belong to one program.
  ///   - findings: hear why names stay where that program knows others.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a dialect that there is not, and the errors of
  ///   opening a model where one is asked for.
  package init?(
    _ source: Checkpoint, at path: String, options: ChangeRequest, format: String,
    findings: inout [Finding]
  ) throws(IngotError) {
    let wanted = options.dialect?.lowercased()
    guard wanted != "keep" else { return nil }
    let implied = Dialect.implied(byFormat: format)?.id
    let isAskedFor = wanted != nil || (options.head != .asIs && implied == nil)
    if let wanted, !Dialect.ids.contains(wanted) {
      let known = Dialect.ids.joined(separator: ", ")
      throw .invalidRequest(
        option: .dialect, why: "there is no dialect \(wanted); known are \(words: known), keep")
    }
    guard wanted != nil || implied != nil || options.head != .asIs else { return nil }
    let model: Model
    do throws(IngotError) {
      model = try Model(source, path: path, config: options.config, head: options.head, work: options.work)
    } catch {
      if isAskedFor, wanted != nil || options.config != nil { throw error }
      if let refusal = Model.standInForConfig(of: source, at: path, options.work.system) { throw refusal }
      // Names of a file of the program's own format are its own.
      if let implied, source.format != format {
        findings.append(try Self.namesKept(format: implied, because: error))
      }
      return nil
    }
    let id = wanted ?? implied ?? model.recognised.dialect.id
    // Names that are the target's own already stay, and with them blocks and runs, which no layout can change.
    if wanted == nil, id == model.recognised.dialect.id, options.head == .asIs { return nil }
    for tensor in source.tensors where tensor.hasFixedLayout && options.selection.takes(tensor.name) {
      let canDequantize = tensor.dequantizedValues != nil
      guard options.dtype == nil || !canDequantize else { continue }
      throw .unrepresentable(
        tensor: tensor.name, target: id,
        why: tensor.blockType == nil
          ? "\(tensor.dtype) with a scale for each run of values have no other names or layouts"
          : "\(words: tensor.typeName) blocks have no other names or layouts",
        hint: canDequantize ? "\(remedy: .dequantize), \(remedy: .keepNames)" : .remedy(.keepNames))
    }
    let target = try Dialect.required(id, for: model, option: .dialect)
    guard wanted != nil || implied == nil || target.ownFormat == format else {
      throw .unrepresentable(
        tensor: nil, target: format,
        why: "its program has no names for \(words: model.recognised.configuration.architecture.title)",
        hint: .remedy(.keepNames))
    }
    self.target = target
    self.model = model
    selection = options.selection
    head = options.head
    targetNames = Self.targetNames(model, target)
    program = options.program?.rawValue ?? (implied == id ? id : nil)
  }

  /// The remark that an output has other names than its format's program knows.
  ///
  /// - Throws: the error itself, where a config is there and can't be read.
  private static func namesKept(format: String, because error: IngotError) throws(IngotError) -> Finding {
    guard !error.isUnreadableConfig, let reason = error.reason else { throw error }
    return Finding(
      .namesKept, severity: .note, subject: format,
      detail: "names, layouts and keys stay as they are, which its program does not know: \(reason)")
  }

  /// Changes a whole model to a dialect.
  package init(_ model: Model, to target: Dialect) {
    self.model = model
    self.target = target
    selection = TensorSelection()
    // Which head is meant is settled by now; the output has it as the model does.
    head = model.head == .tie ? .tie : .asIs
    program = target.id
    targetNames = [:]
  }

  private static func targetNames(_ model: Model, _ target: Dialect) -> [Int: [String]] {
    var names: [Int: [String]] = [:]
    for (role, index) in model.recognised.tensors {
      guard let name = target.name(of: role, prefix: target.writtenPrefix) else { continue }
      names[index, default: []].append(name)
    }
    return names
  }

  /// The stored tensors that the selection takes, by name.
  private var takenNames: Set<String> {
    let tensors = model.checkpoint.tensors
    return Set(
      tensors.indices.filter { selection.takes([tensors[$0].name] + (targetNames[$0] ?? [])) }.map {
        tensors[$0].name
      })
  }

  /// The output, ready to be planned.
  ///
  /// - Parameters:
  ///   - options: what is asked for.
  ///   - destination: where it goes.
  ///   - companions: the source's companions.
  ///   - codings: the parameters that are quantized, and how: to blocks, or to integers in runs.
  ///   - calibrated: what calibrates those that it can.
  ///   - compressed: how integers are laid out that are loaded with compressed-tensors; `nil` for others.
  /// - Returns: the output.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is not sound, and
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for one that the dialect can't express.
  package func output(
    _ options: ChangeRequest, destination: OutputDestination, companions: [Companion],
    codings: [TensorRole: WeightCoding] = [:], calibrated: CalibratedWeights? = nil,
    compressed: CompressedTensorsLayout? = nil
  ) throws(IngotError) -> OutputBuilder {
    try requireSound()
    let taken = takenNames
    let draft = try DialectLayout(model, to: target, head: head, dequantizes: options.dtype != nil) {
      taken.contains($0)
    }
    var output = OutputBuilder(of: model.checkpoint)
    try reportLeftOut(in: &output, draft)
    output.losses += target.approximations(of: draft.config) + unknownKeys()
    let start = target.writtenWrappers[destination.formatID] ?? ""
    for (planned, part) in RotaryDivisors.tensors(of: draft.config, in: target) {
      output.add(planned, [part])
    }
    var written = Set<Int>()
    for var tensor in try draft.tensors() {
      written.formUnion(tensor.roles.compactMap { model.recognised.tensors[$0] })
      let staysFloat32 = target.staysFloat32?(tensor.name, tensor.view.shape) ?? false
      tensor.name = start + tensor.name
      tensor.aliasOf = tensor.aliasOf.map { start + $0 }
      if let coding = try coding(of: tensor, codings) {
        let view = try tensor.view.cast(to: .f32, onOverflow: options.onOverflow)
        // What a program's blocks and integers lie along are the inputs: its outputs stand first.
        let weight = WeightDraft(
          name: tensor.name, roles: tensor.roles, values: view.values, coding: coding, outputAxis: 0,
          notes: view.notes, byteCountBefore: tensor.view.type.byteCount)
        if let compressed {
          try compressed.add(weight, from: tensor.view.dtype, by: calibrated, to: &output)
        } else if try !output.add(weight, by: calibrated) {
          try output.add(tensor.name, of: view.values, as: coding, notes: view.notes)
        }
      } else {
        try add(
          tensor, to: &output, options, staysFloat32: staysFloat32,
          keepsAliases: destination.writer.keepsAliases)
      }
    }
    output.losses += SharedTensors(model.checkpoint.tensors).losses(writing: written)
    try DialectConfig(model: model, target: target, config: draft.config)
      .travel(in: &output, companions: companions, format: destination.formatID)
    if let said = options.program?.said, target.ownFormat == destination.formatID {
      output.configure { $0.metadata[said.key] = said.value }
    }
    return output
  }

  /// How a tensor is coded, as all that it holds are; `nil` when it is left as it is.
  private func coding(
    of tensor: DialectLayout.Tensor, _ codings: [TensorRole: WeightCoding]
  ) throws(IngotError) -> WeightCoding? {
    guard let first = tensor.roles.first else { return nil }
    guard tensor.roles.allSatisfy({ codings[$0] == codings[first] }) else {
      throw .unrepresentable(
        tensor: tensor.name, target: target.id,
        why: "it holds \(tensor.roles.count, "parameter"), which rules give different schemes", hint: nil)
    }
    return codings[first]
  }

  /// What the config says that nobody here knows, so that no program may be said to compute with it.
  private func unknownKeys() -> [Loss] {
    let keys = model.recognised.configuration.findings.filter { $0.kind == .unknown }.map(\.subject)
      .filter { !ScaleTensors.configKeys.contains($0) }
    guard !keys.isEmpty else { return [] }
    return [
      Loss(
        .readers,
        detail:
          "\(words: keys.joined(separator: ", ")): not known here, nor whether a program computes with it")
    ]
  }

  private func add(
    _ tensor: DialectLayout.Tensor, to output: inout OutputBuilder, _ options: ChangeRequest,
    staysFloat32: Bool, keepsAliases: Bool
  ) throws(IngotError) {
    var view = tensor.view
    let asked = options.dtype(of: [tensor.name] + tensor.roles.compactMap { model.descriptor($0)?.name })
    if staysFloat32 {
      let wanted = asked ?? view.dtype
      let becomes: Evidence = view.dtype == .f32 ? "stays" : "becomes"
      view = try view.cast(to: .f32, onOverflow: options.onOverflow)
      if wanted != .f32 {
        output.losses.append(
          Loss(
            .kept, tensor: tensor.name,
            detail: "\(becomes) F32, not \(wanted): this dialect's program wants vectors and positions so"))
      }
    } else if let dtype = asked {
      view = try view.cast(to: dtype, onOverflow: options.onOverflow)
    }
    // Rules may give two names of one tensor two dtypes.
    let isTied = tensor.aliasOf.map { keepsAliases && self.dtype(ofOutput: $0, options) == asked } ?? false
    let planned = PlannedTensor(
      name: tensor.name, view.type, aliasOf: isTied ? tensor.aliasOf : nil, transforms: view.notes)
    try requireComputable(planned, made: tensor)
    output.losses += view.notes.compactMap { $0.dequantization(of: tensor.name, to: view.dtype) }
    reportChanges(of: tensor, keepsAliases: planned.aliasOf != nil, in: &output)
    output.add(planned, view.parts.map(\.part))
  }

  /// What rules make of a tensor of the output.
  private func dtype(ofOutput name: String, _ options: ChangeRequest) -> DType? {
    guard !options.dtypeRules.isEmpty else { return options.dtype }
    let sources = targetNames.filter { $0.value.contains(name) }.keys.map {
      model.checkpoint.tensors[$0].name
    }
    return options.dtype(of: [name] + sources)
  }

  /// Throws for elements that the output's program does not compute with.
  private func requireComputable(
    _ planned: PlannedTensor, made tensor: DialectLayout.Tensor
  ) throws(IngotError) {
    guard let program, planned.quantization != nil || !target.computes.contains(planned.dtype) else { return }
    let isQuantized = planned.quantization != nil
    throw .unrepresentable(
      tensor: tensor.view.values.name ?? tensor.name, target: program,
      why: "it does not compute with \(planned.dtype)\(words: isQuantized ? " and scales beside them" : "")",
      hint: isQuantized ? .remedy(.dequantize) : planned.dtype.isFloating ? .remedy(.cast(to: [.f32])) : nil)
  }

  /// Zeros that are added, and copies.
  private func reportChanges(
    of tensor: DialectLayout.Tensor, keepsAliases: Bool, in output: inout OutputBuilder
  ) {
    if let name = tensor.aliasOf, !keepsAliases {
      output.losses.append(.copied(tensor.name, of: name))
    }
    if tensor.view.notes.contains(.zeros) {
      output.losses.append(
        Loss(.padding, tensor: tensor.name, detail: "is written as zeros: the model has no such bias"))
    }
    if let kind = tensor.roles.first?.kind, target.layout(of: kind)?.isPadded == true,
      let rows = tensor.view.shape.dimensions.first
    {
      let count = model.recognised.configuration.config.vocabularySize
      if rows > count {
        output.losses.append(
          Loss(
            .padding, tensor: tensor.name,
            detail: "\(rows - count, "row of zeros stands", "rows of zeros stand") behind the vocabulary"
          ))
      }
    }
  }

  /// Throws for what is wrong with the tensors that are taken.
  private func requireSound() throws(IngotError) {
    let ignored = Set(model.checkpoint.tensors.map(\.name)).subtracting(takenNames)
    let errors = model.recognised.structuralFindings(model.checkpoint.tensors).filter {
      $0.severity == .error && !ignored.contains($0.subject)
    }
    guard let first = errors.first else {
      let stored = model.recognised.tiedCopy ?? model.recognised.tensors[TensorRole(.head)]
      guard let stored, !selection.takes(model.checkpoint.tensors[stored].name) else {
        return try model.requireOneHead()
      }
      return
    }
    // What a trainer keeps beside its model: callbacks' and optimizers' tensors.
    let wrapper = model.recognised.prefix.wrapper
    if !wrapper.isEmpty, errors.allSatisfy({ $0.kind == .unexpected && !$0.subject.hasPrefix(wrapper) }) {
      throw .unsuitable(
        Location(model.path, tensor: first.subject), why: first.detail,
        hint: "\(option: .include, "'\(wrapper)*'") takes the model's own tensors alone")
    }
    throw .unsuitable(
      Location(model.path, tensor: first.subject), why: first.detail,
      hint:
        "\(option: .dialect, "keep") converts without regard to the model\(errors.count > 1 ? "; \(remedy: .validate(more: errors.count - 1))" : "")"
    )
  }

  /// Buffers, what training left behind, and a copy of the tied embedding.
  private func reportLeftOut(in output: inout OutputBuilder, _ draft: DialectLayout) throws(IngotError) {
    let recognised = model.recognised
    let taken = takenNames
    // What nobody asks for is said to be that, below, and nothing else.
    func leaveOut(_ index: Int, _ detail: Evidence) {
      let name = model.checkpoint.tensors[index].name
      if taken.contains(name) { output.losses.append(Loss(.dropped, tensor: name, detail: detail)) }
    }
    for index in recognised.buffers
    where !RotaryDivisors.holds(model.checkpoint.tensors[index].name, in: recognised.dialect) {
      leaveOut(index, "a buffer, which the target does not use")
    }
    for (index, role) in recognised.copies {
      leaveOut(index, "a copy of \(recognised.name(of: role)), to which it is tied")
    }
    for index in recognised.leftovers { leaveOut(index, "state of a training, no parameter") }
    output.losses += recognised.configuration.leftOut.map {
      Loss(.metadata, detail: "\(.value($0)): a key of the config of other parts than the language model")
    }
    for index in recognised.otherParts { leaveOut(index, "another part, beside the language model") }
    for tensor in model.checkpoint.tensors where !taken.contains(tensor.name) {
      output.losses.append(
        Loss(.dropped, tensor: tensor.name, detail: "not taken by \(option: .include) or \(option: .exclude)")
      )
    }
    if let copy = recognised.tiedCopy, selection.takes(model.checkpoint.tensors[copy].name),
      !target.storesTiedHead || head == .tie
    {
      leaveOut(copy, try model.droppedHead(copy))
    }
    let withoutPlace = recognised.tensors.filter { target.doesWithout.contains($0.key.kind) }
    for index in withoutPlace.values.sorted() {
      leaveOut(index, "a parameter that this dialect's program does without")
    }
    if head == .tie, let index = recognised.tensors[TensorRole(.head)] {
      leaveOut(index, "equals the token embedding, which is the head from now on")
    }
    try reportDroppedRows(in: &output)
  }

  /// Padding rows of the source: zeros unless a training gave them values that no token ever gets.
  private func reportDroppedRows(in output: inout OutputBuilder) throws(IngotError) {
    let recognised = model.recognised
    guard recognised.dialect.layout(of: .tokenEmbedding)?.isPadded == true,
      target.layout(of: .tokenEmbedding)?.isPadded != true,
      let tensor = model.descriptor(TensorRole(.tokenEmbedding)), let rows = tensor.shape.dimensions.first
    else { return }
    let count = recognised.configuration.config.vocabularySize
    guard rows > count else { return }
    let padding = LazyPart.stored(name: tensor.name, tensor.parts[0]).slice(count..<rows)
    let isZero = try ArrayLoader(model.checkpoint, work: model.work).bytes(padding).allSatisfy { $0 == 0 }
    output.losses.append(
      Loss(
        .padding, tensor: tensor.name,
        detail:
          "\(rows - count, "row behind the vocabulary is", "rows behind the vocabulary are") left out\(words: isZero ? ", all zeros" : ", and they are not all zeros")"
      ))
  }
}
