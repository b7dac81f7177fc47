// SPDX-License-Identifier: Apache-2.0
// A config that travels with weights states what they are: loaders cast them back otherwise.
import IngotCore
import IngotDialects
import IngotFormats
import IngotOutput

extension OutputBuilder {
  /// Makes configs state what the weights are from now on, those inside a container's metadata too.
  ///
  /// - Parameters:
  ///   - dtype: what weights were cast to; `nil` when nothing was asked for all of them.
  ///   - isForeign: whether the config is not the weights' own, but was given for them.
  ///   - destination: where they go.
  package mutating func stateDType(
    _ dtype: DType?, isForeign: Bool = false, for destination: OutputDestination
  ) {
    guard let dtype = statedDType(dtype, isForeign: isForeign) else { return }
    if let kept = request.metadata.string(ConfigForm.keptKey),
      let bytes = state(dtype, in: Array(kept.utf8), of: ConfigForm.keptKey)
    {
      configure { $0.metadata[ConfigForm.keptKey] = .string(String(decoding: bytes, as: UTF8.self)) }
    }
    guard destination.holdsCompanions else { return }
    for index in companions.indices where companions[index].isConfig {
      if let bytes = state(dtype, in: companions[index].bytes, of: companions[index].name) {
        companions[index].bytes = bytes
      }
    }
  }

  /// What a config has to state; `nil` where it stays as it is: nothing was cast, or the weights are of several types.
  private func statedDType(_ dtype: DType?, isForeign: Bool) -> DType? {
    if let dtype {
      return request.tensors.contains { $0.dtype == dtype && !$0.transforms.isEmpty } ? dtype : nil
    }
    let weights = request.tensors.lazy.filter { $0.dtype.isFloating }
    guard let first = weights.first,
      weights.allSatisfy({ $0.dtype == first.dtype && $0.quantization == nil && $0.type.blockType == nil })
    else { return nil }
    return isForeign || weights.contains { $0.isCast } ? first.dtype : nil
  }

  /// A config that states a dtype, the changes being said; `nil` for one that does already.
  private mutating func state(_ dtype: DType, in config: [UInt8], of name: String) -> [UInt8]? {
    guard let stated = ConfigDType.stating(dtype, in: config) else { return nil }
    losses += stated.changes.map {
      Loss(
        .changed, detail: "\(name): \($0.key) is \($0.new) from now on, as the weights are; it was \($0.old)")
    }
    return stated.bytes
  }
}

extension PlannedTensor {
  /// Whether its values were cast.
  fileprivate var isCast: Bool { transforms.contains { if case .cast = $0 { true } else { false } } }
}

extension Companion {
  /// Whether it is a config of the weights beside it.
  fileprivate var isConfig: Bool {
    kind == .config
      || (kind == .other && !name.utf8.contains(UInt8(ascii: "/")) && name.hasSuffix("config.json"))
  }
}
