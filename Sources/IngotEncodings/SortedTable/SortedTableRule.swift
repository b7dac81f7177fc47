// SPDX-License-Identifier: Apache-2.0
// The rules of formats/containers/sorted-table.md.
import IngotCore

/// The rules of sorted tables; their meaning stands on `formats/containers/sorted-table.md`.
package enum SortedTableRule: String, FormatRule {
  case footer = "TBL-01"
  case footerHandles = "TBL-02"
  case blockInFile = "TBL-03"
  case blockType = "TBL-04"
  case blockChecksum = "TBL-05"
  case snappy = "TBL-06"
  case restarts = "TBL-07"
  case entry = "TBL-08"
  case restartEntry = "TBL-09"
  case order = "TBL-10"
  case handle = "TBL-11"
  case blockOrder = "TBL-12"
  case indexKey = "TBL-13"
  case keyBytes = "TBL-14"
}
