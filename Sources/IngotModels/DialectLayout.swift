// SPDX-License-Identifier: Apache-2.0
// A model's parameters as another dialect names and stores them: which tensors there would be, in the publisher's
// order, and what each is made of. Nothing is read.
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotTransforms

/// A model's parameters in another dialect.
package struct DialectLayout {
  /// One tensor of it.
  package struct Tensor {
    /// Its name.
    package var name: String
    /// The parameters that it holds: of a stack each, and those behind their own in it.
    package var roles: [TensorRole]
    /// What it is made of.
    package var view: ParameterView
    /// The tensor that it is another name of.
    package var aliasOf: String?
  }

  /// The model.
  package let model: Model
  /// The dialect.
  package let target: Dialect
  /// The numbers of the model in it: its head may be tied or untied on the way.
  package private(set) var config: ModelConfig
  private let head: HeadTie
  private let dequantizes: Bool
  private let takes: (String) -> Bool

  /// Prepares a draft.
  ///
  /// - Parameters:
  ///   - model: a model that is sound.
  ///   - target: the dialect.
  ///   - head: what becomes of a tied head.
  ///   - isOnlySeen: whether the dialect's names serve to look at the model, whatever its program can express.
  ///   - dequantizes: whether values come multiplied by their scales.
  ///   - takes: whether a stored tensor is taken.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model that the dialect's program
  ///   can't express, naming the key.
  package init(
    _ model: Model, to target: Dialect, head: HeadTie = .asIs, isOnlySeen: Bool = false,
    dequantizes: Bool = false,
    takes: @escaping (String) -> Bool = { _ in true }
  ) throws(IngotError) {
    self.model = model
    self.target = target
    self.head = head
    self.dequantizes = dequantizes
    self.takes = takes
    config = model.recognised.configuration.config
    switch head {
    case .asIs: break
    case .tie: config.tiesHead = true
    case .untie: config.tiesHead = false
    }
    if !isOnlySeen { try target.requireExpressible(config) }
    config[.head] = target.heads?[config[.head]] ?? config[.head]
    let unnamed = model.recognised.graph.parameters.first {
      $0.role.kind != .head && target.layout(of: $0.role.kind) == nil
        && !target.doesWithout.contains($0.role.kind)
    }
    if let unnamed, !isOnlySeen {
      throw .unrepresentable(
        tensor: model.recognised.name(of: unnamed.role), target: target.id,
        why: "it has no name for this parameter", hint: nil)
    }
    guard config.tiesHead || target.layout(of: .head) != nil || target.doesWithout.contains(.head) else {
      throw .unrepresentable(
        tensor: nil, target: target.id,
        why: "tie_word_embeddings is false, and it has no name for a head of its own", hint: nil)
    }
  }

  /// The tensors, in the publisher's order.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for stacks of differing dtypes.
  package func tensors() throws(IngotError) -> [Tensor] {
    var tensors: [Tensor] = []
    for role in target.roles(blockCount: config.blockCount, expertCount: config[.expertCount]) {
      guard let name = target.name(of: role, prefix: target.writtenPrefix),
        // A second half is written with the first.
        let layout = target.layout(of: role.kind), !layout.isSecondHalf
      else { continue }
      if role.kind == .head, config.tiesHead || model.recognised.configuration.config.tiesHead {
        if let head = try tiedHead(name) { tensors.append(head) }
      } else if layout.holdsMany {
        let roles = stackedRoles(role, layout)
        guard let views = try stackViews(roles, layout, name) else { continue }
        let others = layout.isFirstHalf ? roles.compactMap { partner(of: $0) } : []
        tensors.append(Tensor(name: name, roles: roles + others, view: .stack(views)))
      } else if let view = try view(of: role) {
        try requireMatrix(view, layout, name)
        tensors.append(
          Tensor(name: name, roles: [role], view: stored(view, as: layout, isLinear: isLinear(role))))
      }
    }
    return tensors
  }

  /// Throws for groups, which are of matrices, where the target has three dimensions.
  private func requireMatrix(
    _ view: ParameterView, _ layout: ParameterLayout, _ name: String
  ) throws(IngotError) {
    guard case .perGroup? = view.quantization?.granularity,
      layout.steps(transposing: false).contains(.leadingOne)
    else { return }
    throw .unrepresentable(
      tensor: name, target: target.id,
      why: "its scales are of groups of a matrix, and it has three dimensions",
      hint: .remedy(.dequantize))
  }

  /// The head that is the token embedding, where the target lists it or it is to be untied.
  private func tiedHead(_ name: String) throws(IngotError) -> Tensor? {
    guard head == .untie || (target.storesTiedHead && head != .tie),
      let view = try view(of: TensorRole(.tokenEmbedding))
    else { return nil }
    let embedding = target.name(of: TensorRole(.tokenEmbedding), prefix: target.writtenPrefix)
    return Tensor(
      name: name, roles: [TensorRole(.head)], view: view, aliasOf: head == .untie ? nil : embedding)
  }

  private func isLinear(_ role: TensorRole) -> Bool {
    model.recognised.graph.parameter(role)?.isLinear == true
  }

  /// A parameter in the target's order of rows and columns; `nil` when its tensor is not taken.
  private func view(of role: TensorRole) throws(IngotError) -> ParameterView? {
    if let index = model.recognised.tensors[role], !takes(model.checkpoint.tensors[index].name) { return nil }
    guard let view = try model.view(of: role, dequantizes: dequantizes) else { return nil }
    guard isLinear(role) else { return view }
    let source = model.recognised.dialect.layout(of: role.kind)?.isTransposed ?? false
    return source == target.layout(of: role.kind)?.isTransposed ? view : view.transpose
  }

  /// A parameter, in the target's order of rows and columns if it is linear, as the target stores it; stacking apart.
  private func stored(_ view: ParameterView, as layout: ParameterLayout, isLinear: Bool) -> ParameterView {
    layout.steps(transposing: !isLinear).reduce(view) { view, step in
      switch step {
      case .transposed, .turned: return view.transpose
      case .interleaved: return view.paired(headRowCount: view.shape.dimensions.first ?? 0, .sideBySide)
      case .leadingOne: return view.withLeadingOne(true)
      case .paired: return view.paired(headRowCount: config.headDimension, .sideBySide)
      case .byHead: return view.regrouped(outer: 3, inner: config.headCount)
      case .plusOne: return view.shifted(by: 1)
      case .padded:
        let rows = view.shape.dimensions.first ?? 0
        let count = ParameterLayout.paddedRowCount(rows)
        return count == rows ? view : view.padded(toRows: count)
      case .stacked, .stackedByExpert, .firstHalf, .secondHalf, .optionalLeadingOne: return view
      }
    }
  }

  /// The parameter that is stored behind another in the same tensor; `nil` for none.
  private func partner(of role: TensorRole) -> TensorRole? {
    let name = target.name(of: role, prefix: target.writtenPrefix)
    return target.parameters.first { kind, pattern, layout in
      layout.isSecondHalf
        && target.name(of: TensorRole(kind, block: role.block), prefix: target.writtenPrefix) == name
    }.map { TensorRole($0.kind, block: role.block, expert: role.expert) }
  }

  /// A parameter with the one that is stored behind it in the same tensor.
  private func whole(_ view: ParameterView, of role: TensorRole) throws(IngotError) -> ParameterView {
    guard let partner = partner(of: role), let other = try self.view(of: partner), other.shape == view.shape,
      other.dtype == view.dtype, other.quantization == nil
    else {
      throw .unrepresentable(
        tensor: target.name(of: role, prefix: target.writtenPrefix), target: target.id,
        why: "one tensor holds two parameters of an expert, in one dtype", hint: nil)
    }
    return view.joined(with: other)
  }

  /// The parameters of one kind of all blocks, or of all experts of one.
  private func stackedRoles(_ stack: TensorRole, _ layout: ParameterLayout) -> [TensorRole] {
    layout.isStackedByExpert
      ? (0..<config[.expertCount]).map { TensorRole(stack.kind, block: stack.block, expert: $0) }
      : (0..<config.blockCount).map { TensorRole(stack.kind, block: $0) }
  }

  /// The views of parameters that stand in one tensor; `nil` when none is taken.
  private func stackViews(
    _ roles: [TensorRole], _ layout: ParameterLayout, _ name: String
  ) throws(IngotError) -> [ParameterView]? {
    var views: [ParameterView] = []
    for role in roles {
      guard let view = try view(of: role) else { continue }
      guard view.quantization == nil else {
        throw .unrepresentable(
          tensor: name, target: target.id, why: "quantized tensors are not stacked",
          hint: .remedy(.dequantize))
      }
      let whole = try layout.isFirstHalf ? self.whole(view, of: role) : view
      views.append(stored(whole, as: layout, isLinear: isLinear(role)))
    }
    guard let first = views.first else { return nil }
    guard views.count == roles.count,
      views.allSatisfy({ $0.dtype == first.dtype && $0.shape == first.shape })
    else {
      let all: Evidence = layout.isStackedByExpert ? "\(roles.count, "expert")" : "\(roles.count, "block")"
      throw .unrepresentable(
        tensor: name, target: target.id,
        why: "one tensor holds this parameter of all \(all), in one dtype and shape", hint: nil)
    }
    return views
  }
}

extension Dialect {
  /// The dialect of an id, for a model.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for an id that there is not, and
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for one without names for the architecture.
  package static func required(_ id: String, for model: Model, option: RequestOption) throws(IngotError)
    -> Dialect
  {
    let architecture = model.recognised.configuration.architecture
    if let dialect = named(id, architecture: architecture.id) { return dialect }
    guard ids.contains(id.lowercased()) else {
      let known = ids.sorted().joined(separator: ", ")
      throw .invalidRequest(option: option, why: "there is no dialect \(id); known are \(words: known)")
    }
    throw .unrepresentable(
      tensor: nil, target: id, why: "it has no names for \(words: architecture.title)", hint: nil)
  }
}
