// SPDX-License-Identifier: Apache-2.0
// The rules of formats/tensorflow-bundle.md, in the order in which they are checked.
import IngotCore

/// The rules of TensorFlow's bundles; their meaning stands on `formats/tensorflow-bundle.md`.
package enum TensorFlowRule: String, FormatRule {
  case header = "TF-01"
  case shardCount = "TF-02"
  case byteOrder = "TF-03"
  case name = "TF-04"
  case dtype = "TF-05"
  case shape = "TF-06"
  case shard = "TF-07"
  case byteCount = "TF-08"
  case extents = "TF-09"
  case coverage = "TF-10"
  case slice = "TF-11"
  case strayKey = "TF-12"
  case dataEnd = "TF-13"
  case overlap = "TF-14"
  case checksum = "TF-15"
  case strings = "TF-16"
}
