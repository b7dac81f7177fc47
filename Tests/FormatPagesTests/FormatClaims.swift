// SPDX-License-Identifier: Apache-2.0
// The list that ties pages, rules and malformed files together: one entry a format.
import IngotKit
import IngotTestSupport
import Testing

/// What is claimed of a format, for the tests to check.
struct FormatClaims: Sendable, CustomTestStringConvertible {
  /// The page's name under `formats/`.
  let page: String
  /// The ids of the formats that it specifies, as the registry has them.
  let formats: [String]
  /// The ids of the rules in the code's enumerations.
  let rules: [String]
  /// Folders under `fixtures/malformed/`.
  let malformed: [String]
  /// Rules whose malformed files are not kept in the tree, each with the file and the name of the test that makes them.
  let madeByTests: [String: String]

  var testDescription: String { page }

  static let all = [
    FormatClaims(
      page: "safetensors.md", formats: ["safetensors"], rules: SafetensorsRule.allCases.map(\.rawValue),
      malformed: ["safetensors"], madeByTests: [:])
  ]
}
