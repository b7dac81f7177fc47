// SPDX-License-Identifier: Apache-2.0
// The rules of formats/pytorch.md, in the order in which they are checked.
import IngotCore

/// The rules of PyTorch checkpoints; their meaning stands on `formats/pytorch.md`.
package enum PyTorchRule: String, FormatRule {
  case form = "PT-01"
  case folder = "PT-02"
  case byteOrder = "PT-03"
  case streamVersion = "PT-04"
  case allowList = "PT-11"
  case storageID = "PT-12"
  case storageKeys = "PT-05"
  case storageData = "PT-13"
  case dictionaryKey = "PT-16"
  case cycle = "PT-18"
  case work = "PT-19"
  case tensorArguments = "PT-14"
  case view = "PT-15"
  case uniqueName = "PT-17"
  case repeatedBytes = "PT-20"
  case indexJSON = "PT-30"
  case shardName = "PT-31"
  case uniqueTensor = "PT-32"
  case mappedTensor = "PT-33"
  case cutTensors = "PT-40"
  case cutFit = "PT-41"
}
