// SPDX-License-Identifier: Apache-2.0
// Which weight a tensor belongs to, and what it is for, by names alone: a checkpoint may have a million tensors that belong
// to none, and a name is taken apart once. Page: formats/quantized-tensors.md, "Other programs".
import IngotCore

/// A tensor that belongs to a weight.
struct ScaleCompanion: Sendable {
  /// What a companion is for.
  enum Role: Hashable, Sendable {
    /// What values are multiplied by.
    case scale
    /// bitsandbytes' largest magnitude of each row: a scale times 127.
    case rowMaximum
    /// What is subtracted from values.
    case zeroPoint
    /// A number that tells in which order values are stored.
    case layout
    /// What activations, not values, are scaled by.
    case activation
    /// Something else.
    case other
  }

  /// Its index.
  let index: Int
  /// What it is for.
  let role: Role
  /// The name behind that of the weight.
  let suffix: String

  /// Companions' names have at most so many parts behind the weight's.
  private static let cutLimit = 6
  /// What is behind a weight's name and tells of no companion.
  private static let biases = ["_bias", ".bias"].map { Array($0.utf8) }

  /// The weight that a tensor belongs to; `nil` for one that belongs to none.
  static func find(
    _ index: Int, _ name: String, among owners: ScaleOwners
  ) -> (owner: Int, ScaleCompanion)? {
    let bytes = Array(name.utf8)
    var cut = bytes.endIndex
    var words = WordSearch.notYet
    for _ in 0..<cutLimit {
      guard let divider = bytes[..<cut].lastIndex(where: isDivider), divider > bytes.startIndex else {
        return nil
      }
      cut = divider
      guard !biases.contains(where: bytes[cut...].elementsEqual) else { continue }
      let stem = String(decoding: bytes[..<cut], as: UTF8.self)
      if let owner = owners.named(stem), owner != index {
        let suffix = String(decoding: bytes[cut...], as: UTF8.self)
        let role = isDivisor(suffix, behind: bytes[..<cut]) ? .other : role(suffix)
        return (owner, ScaleCompanion(index: index, role: role, suffix: suffix))
      }
      guard owners.haveEnds, words.has(behind: cut, in: bytes),
        let (owner, isPlain) = owners.beside(stem, besides: index)
      else { continue }
      let suffix = String(decoding: bytes[cut...], as: UTF8.self)
      // Only a plain `NAME.weight` beside `NAME.scale` is known to be what it seems.
      let role = isPlain ? role(suffix) : .other
      return (owner, ScaleCompanion(index: index, role: role, suffix: suffix))
    }
    return nil
  }

  private static func isDivider(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "/"): true
    default: false
    }
  }

  /// Whether a scale is Keras's, by which values are divided (keras.quantizers.abs_max_quantize), and nothing tells how.
  private static func isDivisor(_ suffix: String, behind stem: ArraySlice<UInt8>) -> Bool {
    suffix == "_scale"
      && ["kernel", "embeddings"].contains { stem.suffix($0.utf8.count).elementsEqual($0.utf8) }
  }

  /// What a companion is for, by its name behind the weight's.
  private static func role(_ suffix: String) -> Role {
    var name = Substring(suffix.lowercased())
    while let first = name.first, "._:/".contains(first) { name.removeFirst() }
    if name.hasPrefix("weight_") { name.removeFirst("weight_".count) }
    switch name {
    case "scale", "scales", "scale_inv", "scales_inv", "scale_weight", "scaling_factor": return .scale
    case "scb": return .rowMaximum
    case "zero_point", "zero_points", "zeros", "zp": return .zeroPoint
    case "format": return .layout
    default: break
    }
    let activations = [
      "input", "output", "act_", "activation", "k_scale", "v_scale", "q_scale", "kv_", "prob_",
    ]
    return activations.contains { name.hasPrefix($0) } || name == "scale_input" ? .activation : .other
  }
}

/// Where the last of the words is that names of companions have where they stand beside `NAME.weight` and not behind it:
/// a name is searched for it once, however many cuts there are.
private enum WordSearch {
  case notYet
  /// Where it starts; `nil` where there is none.
  case done(Int?)

  /// The words, in lower case, by their first byte.
  private static let words: [[[UInt8]]] = {
    let words = [
      "scale", "scb", "scaling", "absmax", "amax", "zero", "zp", "g_idx", "quant", "weight_format",
      "weight_shape",
      "biases", "codebook", "perm",
    ].map { Array($0.utf8) }
    return (0...UInt8.max).map { first in words.filter { $0.first == first } }
  }()

  /// Whether one starts at a place or behind it.
  mutating func has(behind start: Int, in name: [UInt8]) -> Bool {
    if case .notYet = self { self = .done(Self.last(in: name)) }
    guard case .done(let last?) = self else { return false }
    return last >= start
  }

  private static func last(in name: [UInt8]) -> Int? {
    let words = words
    let lowered = name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    return lowered.indices.last { start in
      words[Int(lowered[start])].contains { lowered[start...].starts(with: $0) }
    }
  }
}

/// The weights of small numbers of a checkpoint, by name.
struct ScaleOwners {
  /// What values are called, behind the name that their companions share with them.
  private static let valueNames = [
    ".weight", ".qweight", "_blocks", "_packed", "._data", ".weight_packed", ".kernel", ".W_q",
    ".weight._data", "_qdata", ".qdata", "_int_data", ".int_data",
  ]

  private let indexes: [ExactName: Int]
  /// Those of ``valueNames`` that names here end in: most checkpoints have one, if any.
  private let ends: [String]

  /// Takes weights by name.
  init(_ indexes: [ExactName: Int]) {
    self.indexes = indexes
    let ends = Self.valueNames.map { Array($0.utf8) }
    var isThere = ends.map { _ in false }
    for name in indexes.keys {
      var text = name.text
      text.withUTF8 { bytes in
        guard let last = bytes.last else { return }
        for (index, end) in ends.enumerated() where !isThere[index] && end.last == last {
          isThere[index] = bytes.suffix(end.count).elementsEqual(end)
        }
      }
    }
    self.ends = zip(Self.valueNames, isThere).filter(\.1).map(\.0)
  }

  /// Whether a weight may be beside its companions.
  var haveEnds: Bool { !ends.isEmpty }

  /// The weight of a name.
  func named(_ name: String) -> Int? { indexes[ExactName(name)] }

  /// The weight whose companions are called as another tensor is, up to the last parts of both names.
  ///
  /// - Parameters:
  ///   - stem: the name without those parts.
  ///   - other: the index of the other tensor.
  /// - Returns: its index, and whether it is a plain `NAME.weight`.
  func beside(_ stem: String, besides other: Int) -> (index: Int, isPlain: Bool)? {
    for end in ends {
      if let index = indexes[ExactName(stem + end)], index != other { return (index, end == ".weight") }
    }
    return nil
  }
}
