// SPDX-License-Identifier: Apache-2.0
// Finds the weights of a checkpoint that are packed by a scheme of the table, and the parts that belong to none.
// Page: formats/packed-weights.md.
import IngotCore

/// The packed weights of a checkpoint.
struct PackedTensors {
  /// A weight, or why it is none.
  struct Found {
    /// The tensor of the codes, or the part without a weight.
    let codes: Int
    /// What belongs to it.
    let companions: [Int]
    /// Those of them that are for activations.
    let activations: [Int]
    let result: Result<PackedWeight, PackedFault>
  }

  /// The weights, in the order of the checkpoint.
  let weights: [Found]
  /// Every tensor that belongs to one.
  private(set) var taken = Set<Int>()

  /// Finds them.
  ///
  /// - Parameters:
  ///   - tensors: the tensors of a checkpoint.
  ///   - config: its config, when there is one that can be read.
  ///   - wantsValues: whether values are wanted.
  ///   - reader: reads small tensors.
  init(_ tensors: [TensorDescriptor], config: Metadata?, wantsValues: Bool, reader: @escaping PackedReader) {
    guard tensors.contains(where: { PackedNames.isSuspicious($0.name) }) else {
      weights = []
      return
    }
    var indexes: [ExactName: Int] = [:]
    for (index, tensor) in tensors.enumerated() { indexes[ExactName(tensor.name)] = index }
    let declared = PackedConfig(config)
    var found: [Found] = []
    var taken = Set<Int>()
    for (index, tensor) in tensors.enumerated() where !taken.contains(index) {
      guard tensor.quantization == nil, tensor.blockType == nil else { continue }
      for (stem, suffix, scheme) in PackedNames.schemes(of: tensor.name) {
        // What has no codes is a part without a weight.
        guard let codes = scheme.codes.map({ indexes[ExactName(stem + $0)] }) ?? index else { continue }
        let group = PackedGroup(
          stem: stem, anchor: index, anchorSuffix: suffix, codes: codes, tensors: tensors, indexes: indexes,
          config: declared, reader: reader, wantsValues: wantsValues)
        guard let result = Self.weight(of: group, scheme) else { continue }
        let activations = scheme.activations.compactMap { group.find($0) }
        var own = Set(scheme.companions.compactMap { group.find($0) }).union(activations)
        if case .success(let weight) = result { own.formUnion(weight.parts + weight.others) }
        own.insert(index)
        own.remove(codes)
        guard taken.isDisjoint(with: own), !taken.contains(codes) else { continue }
        taken.formUnion(own)
        taken.insert(codes)
        found.append(
          Found(codes: codes, companions: own.sorted(), activations: activations, result: result))
        break
      }
    }
    for (index, tensor) in tensors.enumerated() where !taken.contains(index) {
      let orphan = PackedNames.orphan(tensor.name, among: indexes, isDeclared: declared.method != nil)
      guard let orphan else { continue }
      taken.insert(index)
      found.append(
        Found(
          codes: index, companions: [], activations: [],
          result: .failure(
            .broken(
              .orphan, tensor: tensor.name, found: "no tensor \(orphan) beside it",
              expected: "the values that it belongs to"))))
    }
    weights = found.sorted { $0.codes < $1.codes }
    self.taken = taken
  }

  private static func weight(
    of group: PackedGroup, _ scheme: PackedScheme
  ) -> Result<PackedWeight, PackedFault>? {
    do throws(PackedFault) {
      return try scheme.weight(group).map { .success($0) }
    } catch {
      return .failure(error)
    }
  }
}

/// Names that tell of a scheme.
enum PackedNames {
  private static let all = SuffixTable(
    PackedScheme.all.flatMap { scheme in scheme.anchors.map { ($0, scheme) } })

  /// Parts that mean nothing alone, and what their codes may be called.
  private static let companions = SuffixTable(
    PackedScheme.all.filter(\.isDistinct).flatMap { scheme in
      let parts = scheme.companions + (scheme.codes == nil ? [] : scheme.anchors)
      return parts.filter { !shared.contains($0) }.map { ($0, scheme.codes.map { [$0] } ?? scheme.anchors) }
    } + [(".weight_scale_inv", [".weight"])])

  /// Parts that mean nothing alone where a config declares how weights are quantized, and what their values may be called.
  private static let declared = SuffixTable(
    [".weight_scale", ".weight_zero_point"].map {
      ($0, [".weight", ".weight_packed", ".weight_qdata", ".qweight", ".weight._data"])
    })

  /// Names that plain tensors have too, or parts of weights that ``ScaleTensors`` knows.
  private static let shared: Set<String> = [".scales", "_scales", ".weight_scale", ".weight_zero_point"]

  /// The schemes that a name tells of, each with the name that is left.
  static func schemes(of name: String) -> [(stem: String, suffix: String, scheme: PackedScheme)] {
    all.matches(of: name).map { ($0.stem, $0.suffix, $0.value) }
  }

  /// Whether a name may be of a scheme at all: most checkpoints have none, and are looked at no further.
  static func isSuspicious(_ name: String) -> Bool {
    all.hasMatch(name) || companions.hasMatch(name) || declared.hasMatch(name)
  }

  /// The codes that a part of a scheme lacks; `nil` for a tensor that may be there alone.
  ///
  /// - Parameters:
  ///   - name: the part.
  ///   - indexes: all names.
  ///   - isDeclared: whether a config declares how weights are quantized.
  /// - Returns: the name that the codes would have.
  static func orphan(_ name: String, among indexes: [ExactName: Int], isDeclared: Bool) -> String? {
    for (stem, _, codes) in companions.matches(of: name) + (isDeclared ? declared.matches(of: name) : []) {
      // Values of another name may be there, which another part of the program knows.
      let others = codes + [".weight"]
      if others.allSatisfy({ indexes[ExactName(stem + $0)] == nil }), let first = codes.first {
        return stem + first
      }
    }
    return nil
  }
}

/// Values by what is at the end of names: a checkpoint may have a million, most of which end otherwise.
private struct SuffixTable<Value: Sendable>: Sendable {
  private var byLastByte: [UInt8: [(suffix: String, value: Value)]] = [:]

  init(_ entries: [(String, Value)]) {
    for (suffix, value) in entries {
      guard let last = suffix.utf8.last else { continue }
      byLastByte[last, default: []].append((suffix, value))
    }
  }

  private static func has(_ name: String, _ suffix: String) -> Bool {
    name.utf8.count > suffix.utf8.count && name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  func hasMatch(_ name: String) -> Bool {
    guard let last = name.utf8.last, let entries = byLastByte[last] else { return false }
    return entries.contains { Self.has(name, $0.suffix) }
  }

  /// The entries whose suffix a name has, each with what is before it.
  func matches(of name: String) -> [(stem: String, suffix: String, value: Value)] {
    guard let last = name.utf8.last, let entries = byLastByte[last] else { return [] }
    return entries.compactMap { suffix, value in
      guard Self.has(name, suffix), let stem = String(name.utf8.dropLast(suffix.utf8.count)) else {
        return nil
      }
      return (stem, suffix, value)
    }
  }
}
