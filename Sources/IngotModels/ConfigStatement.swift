// SPDX-License-Identifier: Apache-2.0
// A config that travels with weights states what they are: loaders cast them back otherwise.
import IngotCore
import IngotDialects
import IngotFormats
import IngotOutput

extension OutputBuilder {
  /// Makes configs state what the weights are from now on.
  ///
  /// - Parameters:
  ///   - dtype: what weights were cast to; `nil` when nothing was asked for.
  ///   - destination: where they go.
  package mutating func stateDType(_ dtype: DType?, for destination: OutputDestination) {
    guard let dtype, destination.holdsCompanions,
      request.tensors.contains(where: { $0.dtype == dtype && !$0.transforms.isEmpty })
    else { return }
    for index in companions.indices where companions[index].isConfig {
      let name = companions[index].name
      guard let stated = ConfigDType.stating(dtype, in: companions[index].bytes) else { continue }
      companions[index].bytes = stated.bytes
      losses += stated.changes.map {
        Loss(
          .changed,
          detail: "\(name): \($0.key) is \($0.new) from now on, as the weights are; it was \($0.old)")
      }
    }
  }
}

extension Companion {
  /// Whether it is a config of the weights beside it.
  fileprivate var isConfig: Bool {
    kind == .config
      || (kind == .other && !name.utf8.contains(UInt8(ascii: "/")) && name.hasSuffix("config.json"))
  }
}
