// SPDX-License-Identifier: Apache-2.0
// Options of a conversion that were given and have no effect: refused, with the reason.
import IngotBytes
import IngotCore
import IngotFormats
import IngotModels
import IngotOutput

extension ConvertOptions {
  /// Throws for options that ask for a change of the model's names or head where there is none.
  func requireUse(_ change: DialectChange?, of source: Checkpoint) throws(IngotError) {
    if config != nil, change == nil {
      throw .invalidRequest(
        option: .config,
        why: "nothing needs it: names and layouts stay without \(option: .dialect) or \(option: .program)")
    }
    let hasEffect = change?.changesHead ?? source.tensors.contains { $0.aliasOf != nil }
    switch head {
    case .asIs: return
    case .tie where !hasEffect:
      throw .invalidRequest(option: .tie, why: "no head is stored that could be left out")
    case .untie where !hasEffect:
      throw .invalidRequest(option: .untie, why: "no head or other tensor is tied")
    case .tie, .untie: return
    }
  }
}
