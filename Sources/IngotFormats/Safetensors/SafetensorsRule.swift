// SPDX-License-Identifier: Apache-2.0
// The rules of formats/safetensors.md, in the order in which they are checked.
import IngotCore
import IngotEncodings

/// The rules of safetensors files; their meaning stands on `formats/safetensors.md`.
package enum SafetensorsRule: String, FormatRule {
  case lengthField = "ST-01"
  case headerInFile = "ST-02"
  case headerLimit = "ST-03"
  case openingBrace = "ST-04"
  case encoding = "ST-05"
  case json = "ST-06"
  case coverage = "ST-07"
  case uniqueKeys = "ST-08"
  case metadata = "ST-09"
  case entry = "ST-10"
  case dtype = "ST-11"
  case shape = "ST-12"
  case offsets = "ST-13"
  case byteCount = "ST-14"
  case overlap = "ST-15"
  case dataEnd = "ST-16"
  case depth = "ST-17"
  case indexJSON = "ST-20"
  case shardName = "ST-21"
  case mappedTensor = "ST-22"
  case uniqueTensor = "ST-23"
}

extension SafetensorsRule {
  /// The rule that a JSON fault breaks.
  init(_ kind: JSONFailure.Kind) {
    self =
      switch kind {
      case .syntax, .count: .json
      case .encoding: .encoding
      case .depth: .depth
      case .duplicateKey: .uniqueKeys
      case .type: .entry
      }
  }
}
