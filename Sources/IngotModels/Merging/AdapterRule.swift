// SPDX-License-Identifier: Apache-2.0
// The rules of PEFT's adapters: formats/adapters.md.
import IngotCore

/// The rules of an adapter; the page says each in words.
package enum AdapterRule: String, FormatRule {
  case config = "AD-01"
  case place = "AD-02"
  case pair = "AD-03"
  case shape = "AD-04"
  case rank = "AD-05"
  case dtype = "AD-06"
  case magnitude = "AD-07"
  case stored = "AD-08"
  case unique = "AD-09"
}
