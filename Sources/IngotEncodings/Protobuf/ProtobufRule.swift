// SPDX-License-Identifier: Apache-2.0
// The rules of formats/containers/protobuf.md.
import IngotCore

/// The rules of protobuf's wire format; their meaning stands on `formats/containers/protobuf.md`.
package enum ProtobufRule: String, FormatRule {
  case varint = "PB-01"
  case fieldNumber = "PB-02"
  case wireType = "PB-03"
  case length = "PB-04"
  case fieldType = "PB-05"
  case repeated = "PB-06"
}
