// SPDX-License-Identifier: Apache-2.0
// The rules of formats/llama2c.md, in the order in which they are checked.
import IngotCore

/// The rules of llama2.c's files; their meaning stands on `formats/llama2c.md`.
package enum Llama2CRule: String, FormatRule {
  case mark = "L2-01"
  case headerLength = "L2-02"
  case dimensions = "L2-03"
  case heads = "L2-04"
  case sharedFlag = "L2-05"
  case groupSize = "L2-06"
  case fileLength = "L2-07"
}
