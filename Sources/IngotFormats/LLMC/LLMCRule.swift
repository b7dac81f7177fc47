// SPDX-License-Identifier: Apache-2.0
// The rules of formats/llmc.md, in the order in which they are checked.
import IngotCore

/// The rules of llm.c's files; their meaning stands on `formats/llmc.md`.
package enum LLMCRule: String, FormatRule {
  case headerLength = "LC-01"
  case magic = "LC-02"
  case dimensions = "LC-03"
  case paddedVocabulary = "LC-04"
  case fileLength = "LC-05"
  case stateHeaderLength = "LC-20"
  case stateDimensions = "LC-21"
  case stateLength = "LC-22"
}
