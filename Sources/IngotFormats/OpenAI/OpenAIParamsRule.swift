// SPDX-License-Identifier: Apache-2.0
// The rules of formats/openai-params.md, in the order in which they are checked.
import IngotCore

/// The rules of OpenAI's release of GPT-1; their meaning stands on `formats/openai-params.md`.
package enum OpenAIParamsRule: String, FormatRule {
  case shapesJSON = "OP-01"
  case shape = "OP-02"
  case namesJSON = "OP-03"
  case names = "OP-04"
  case array = "OP-05"
  case elementCount = "OP-06"
}
