// SPDX-License-Identifier: Apache-2.0
// A checkpoint understood as a model: which tensor stands for which parameter, in whose names, and why.
import IngotCore
import IngotGraph

/// A checkpoint understood as a model.
package struct RecognisedModel: Sendable {
  /// The config it was understood by.
  package let configuration: ModelConfiguration
  /// The graph of the model.
  package private(set) var graph: ModelGraph
  /// Whose names the tensors have.
  package let dialect: Dialect
  /// The prefix that its names carry.
  package let prefix: NamePrefix
  /// Indexes of the tensors that hold parameters, by role; one may hold those of all blocks.
  package let tensors: [TensorRole: Int]
  /// Parameters that the publisher leaves out where they are zeros.
  package let zeros: Set<TensorRole>
  /// Indexes of buffers.
  package let buffers: [Int]
  /// Indexes of what training left behind.
  package let leftovers: [Int]
  /// Indexes of what belongs to other parts than the model.
  package let otherParts: [Int]
  /// Indexes of tensors that are tied to a parameter, with what it is for.
  package let copies: [(index: Int, role: TensorRole)]
  /// Index of a stored copy of the token embedding that serves as the tied head.
  package let tiedCopy: Int?
  /// Indexes of tensors that stand for nothing.
  package let unexpected: [Int]
  /// What was recognised, and by what.
  package let explanation: Evidence

  /// The parameters that each tensor holds, in the graph's order.
  package var rolesByTensor: [Int: [TensorRole]] {
    var roles: [Int: [TensorRole]] = [:]
    for role in graph.parameters.map(\.role) {
      if let index = tensors[role] { roles[index, default: []].append(role) }
    }
    return roles
  }

  /// Understands a checkpoint.
  ///
  /// - Parameters:
  ///   - descriptors: the tensors there are.
  ///   - metadata: what the file says of itself.
  ///   - configuration: the config.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` when no dialect knows the names.
  package init(
    _ descriptors: [TensorDescriptor], metadata: Metadata = Metadata(), configuration: ModelConfiguration
  ) throws(IngotError) {
    guard
      let choice = DialectDetector.choose(descriptors, metadata: metadata, configuration: configuration)
    else {
      let title = configuration.architecture.title
      let config: Evidence =
        configuration.leftOut.isEmpty
        ? "is a \(words: title) config" : "has a \(words: title) config for its language model"
      throw .unsuitable(
        Location(configuration.path), why: "\(config), but no tensor has one of its names",
        hint: Self.wayToNames(descriptors, configuration))
    }
    var configuration = configuration
    let stored = descriptors.compactMap { tensor in
      choice.dialect.role(of: tensor.name, prefix: choice.prefix).map { ($0.kind, tensor.shape) }
    }
    configuration.architecture.settle(
      &configuration.config, Dictionary(stored) { first, _ in first })
    self.configuration = configuration
    dialect = choice.dialect
    prefix = choice.prefix
    explanation = choice.explanation
    graph = configuration.architecture.build(configuration.config, dialect.transposedKinds)
    let needed = graph.parameters.map(\.role)
    let sorted = SortedTensors(
      descriptors, dialect: dialect, prefix: prefix, needed: Set(needed), config: configuration.config,
      tiedKinds: configuration.architecture.tiedKinds)
    tensors = sorted.tensors
    buffers = sorted.buffers
    leftovers = sorted.leftovers
    otherParts = sorted.otherParts
    unexpected = sorted.unexpected
    tiedCopy = sorted.tiedCopy
    copies = sorted.copies
    let optional = Set(needed.filter { choice.dialect.zeroWhenAbsent.contains($0.kind) })
    zeros = optional.isDisjoint(with: sorted.tensors.keys) ? optional : []
  }

  /// What makes names known that a program of its own has put something before; `nil` where that is not what is wrong.
  private static func wayToNames(
    _ descriptors: [TensorDescriptor], _ configuration: ModelConfiguration
  ) -> Evidence? {
    let start = DialectDetector.strangeStart(of: descriptors, configuration: configuration)
    // What a shell reads otherwise than it stands is no command to show.
    let isPlain = start?.utf8.allSatisfy { byte in
      Unicode.Scalar(byte).properties.isAlphabetic && byte < 0x80 || "0123456789._-/".utf8.contains(byte)
    }
    guard let start, isPlain == true, start.utf8.count <= 100 else { return nil }
    // What has another start would stand beside the model as it is.
    let isPart = !descriptors.allSatisfy { $0.name.utf8.starts(with: start.utf8) }
    let selection: Evidence = isPart ? " with \(option: .include, "'\(start)*'")" : ""
    return
      "\(verb: .convert, .renames, "'\(start)*=*'")\(selection) gives the names that it has without \(start)"
  }

  /// The model with inputs that it takes where they are given.
  package func taking(_ inputs: [GraphInput]) -> RecognisedModel {
    var config = configuration.config
    for (input, field) in configuration.architecture.optionalInputs where inputs.contains(input) {
      config[field] = true
    }
    guard config != configuration.config else { return self }
    var model = self
    model.graph = configuration.architecture.build(config, dialect.transposedKinds)
    return model
  }

  /// The published name of a role, for what is missing.
  package func name(of role: TensorRole) -> String {
    dialect.name(of: role, prefix: prefix) ?? role.description
  }

  /// What headers alone tell: missing, unexpected and misshapen tensors, and a config that contradicts the weights.
  ///
  /// - Parameter descriptors: the tensors that the model was made of.
  /// - Returns: findings, in a stable order.
  package func structuralFindings(_ descriptors: [TensorDescriptor]) -> [Finding] {
    var bound: [TensorRole: BoundTensor] = [:]
    for (role, index) in tensors {
      let tensor = descriptors[index]
      bound[role] = BoundTensor(
        name: tensor.name, dtype: tensor.dtype, shape: comparableShape(of: tensor, for: role),
        hasScales: tensor.quantization != nil, isPacked: tensor.packing != nil)
    }
    let (dialect, prefix, configuration) = (dialect, prefix, configuration)
    let validator = GraphValidator(
      graph, name: { dialect.name(of: $0, prefix: prefix) ?? $0.description },
      stored: { dialect.stored($0, configuration) }, mayBeAbsent: zeros)
    var seen = Set<Finding>()
    // A tensor that holds all blocks is missing, or wrong, once.
    return configuration.findings + blockFindings(descriptors)
      + validator.findings(for: bound, unexpected: unexpected.map { descriptors[$0].name }).filter {
        finding in
        var key = finding
        key.node = nil
        return seen.insert(key).inserted
      }
  }

  /// The shape of a tensor, with any number of padding rows taken for the one that its publisher writes, and with a first
  /// dimension of 1 where that may be left out.
  private func comparableShape(of tensor: TensorDescriptor, for role: TensorRole) -> Shape {
    if dialect.layout(of: role.kind)?.mayLackLeadingOne == true, tensor.shape.rank == 1 {
      return Shape([1] + tensor.shape.dimensions) ?? tensor.shape
    }
    guard dialect.layout(of: role.kind)?.isPadded == true, tensor.shape.rank == 2,
      let rows = graph.parameter(role)?.shape.dimensions.first, tensor.shape.dimensions[0] >= rows,
      let padded = Shape([ParameterLayout.paddedRowCount(rows), tensor.shape.dimensions[1]])
    else { return tensor.shape }
    return padded
  }

  /// A config whose number of blocks is not the weights'.
  private func blockFindings(_ descriptors: [TensorDescriptor]) -> [Finding] {
    let blocks = descriptors.compactMap { dialect.role(of: $0.name, prefix: prefix)?.block }
    guard let last = blocks.max(), last + 1 != configuration.config.blockCount else { return [] }
    return [
      Finding(
        .configConflict, severity: .error, subject: configuration.architecture.keyName(of: .blockCount),
        detail:
          "is \(configuration.config.blockCount) in the config, and the weights have \(last + 1, "block")"
      )
    ]
  }
}

extension Dialect {
  /// A parameter as this dialect stores it.
  fileprivate func stored(_ parameter: GraphParameter, _ configuration: ModelConfiguration) -> GraphParameter
  {
    guard let layout = layout(of: parameter.role.kind) else { return parameter }
    let blocks = configuration.architecture.keyName(of: .blockCount)
    // The graph takes a linear weight as it is stored.
    let transposing = !parameter.isLinear
    return GraphParameter(
      parameter.role,
      shape: layout.storedShape(
        of: parameter.shape, blockCount: configuration.config.blockCount,
        expertCount: configuration.config[.expertCount], transposing: transposing),
      dimensionNames: layout.storedNames(
        of: parameter.dimensionNames, transposing: transposing, blocks: blocks,
        experts: configuration.architecture.keyName(of: .expertCount)),
      outputAxis: parameter.outputAxis, isLinear: parameter.isLinear, isQuantizable: parameter.isQuantizable,
      initialization: parameter.initialization)
  }
}

/// The tensors of a checkpoint, sorted by what they are for.
private struct SortedTensors {
  var tensors: [TensorRole: Int] = [:]
  var buffers: [Int] = []
  var leftovers: [Int] = []
  var otherParts: [Int] = []
  var unexpected: [Int] = []
  var tiedCopy: Int?
  var copies: [(index: Int, role: TensorRole)] = []

  init(
    _ descriptors: [TensorDescriptor], dialect: Dialect, prefix: NamePrefix, needed: Set<TensorRole>,
    config: ModelConfig, tiedKinds: [(first: TensorRole.Kind, second: TensorRole.Kind)]
  ) {
    for (index, tensor) in descriptors.enumerated() {
      guard let role = dialect.role(of: tensor.name, prefix: prefix) else {
        if dialect.isBuffer(tensor.name, prefix: prefix) {
          buffers.append(index)
        } else if dialect.isLeftover(tensor.name) {
          leftovers.append(index)
        } else if dialect.isOfOtherPart(tensor.name) {
          otherParts.append(index)
        } else {
          unexpected.append(index)
        }
        continue
      }
      if let layout = dialect.layout(of: role.kind), layout.holdsMany {
        for role in dialect.roles(of: tensor.name, prefix: prefix) {
          take(index, role, layout, config, needed)
        }
      } else if tensors[role] != nil {
        unexpected.append(index)
      } else if needed.contains(role) {
        tensors[role] = index
      } else if role.kind == .head, config.tiesHead {
        tiedCopy = index
      } else if config.tiesHead, let pair = tiedKinds.first(where: { $0.second == role.kind }),
        needed.contains(TensorRole(pair.first))
      {
        copies.append((index, TensorRole(pair.first)))
      } else if !config.tiesHead, tiedKinds.contains(where: { $0.first == role.kind }) {
        // Nothing is computed with it, and its publisher's program wants it all the same.
        tensors[role] = index
      } else {
        unexpected.append(index)
      }
    }
    takeTiedTable(config)
  }

  /// Takes a tensor for the parameters of all blocks, or of all experts of one.
  private mutating func take(
    _ index: Int, _ role: TensorRole, _ layout: ParameterLayout, _ config: ModelConfig,
    _ needed: Set<TensorRole>
  ) {
    guard layout.isStackedByExpert else {
      for block in 0..<config.blockCount { tensors[TensorRole(role.kind, block: block)] = index }
      return
    }
    let ofExperts = (0..<max(1, config[.expertCount])).map {
      TensorRole(role.kind, block: role.block, expert: $0)
    }
    guard let first = ofExperts.first, needed.contains(first), tensors[first] == nil else {
      if unexpected.last != index { unexpected.append(index) }
      return
    }
    for role in ofExperts { tensors[role] = index }
  }

  /// Takes a tied head for the token embedding where that is stored by the head's name alone.
  private mutating func takeTiedTable(_ config: ModelConfig) {
    guard config.tiesHead, tensors[TensorRole(.tokenEmbedding)] == nil, let head = tiedCopy else { return }
    tensors[TensorRole(.tokenEmbedding)] = head
    tiedCopy = nil
  }
}
