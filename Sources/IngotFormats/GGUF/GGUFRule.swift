// SPDX-License-Identifier: Apache-2.0
// The rules of formats/gguf.md, in the order in which they are checked.
import IngotCore

/// The rules of GGUF files; their meaning stands on `formats/gguf.md`.
package enum GGUFRule: String, FormatRule {
  case magic = "GG-01"
  case version = "GG-02"
  case counts = "GG-03"
  case inFile = "GG-04"
  case lengthLimit = "GG-05"
  case text = "GG-06"
  case key = "GG-07"
  case uniqueKey = "GG-08"
  case valueType = "GG-09"
  case truth = "GG-10"
  case alignment = "GG-11"
  case nameLength = "GG-12"
  case uniqueName = "GG-13"
  case rank = "GG-14"
  case shape = "GG-15"
  case tensorType = "GG-16"
  case rows = "GG-17"
  case offset = "GG-18"
  case dataInFile = "GG-19"
  case splitNumbers = "GG-20"
  case splitName = "GG-21"
  case splitPart = "GG-22"
  case splitTensors = "GG-23"
  case noNUL = "GG-24"
}
