// SPDX-License-Identifier: Apache-2.0
// The rules of formats/ctranslate2.md, in the order in which they are checked.
import IngotCore

/// The rules of CTranslate2's files; their meaning stands on `formats/ctranslate2.md`.
package enum CTranslate2Rule: String, FormatRule {
  case mark = "CT-01"
  case inFile = "CT-02"
  case text = "CT-03"
  case count = "CT-04"
  case elementType = "CT-05"
  case byteCount = "CT-06"
  case uniqueNames = "CT-07"
  case aliasTarget = "CT-08"
  case end = "CT-09"
  case scale = "CT-10"
}
