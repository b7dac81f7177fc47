// SPDX-License-Identifier: Apache-2.0
// The list that ties pages, rules and malformed files together: one entry a format.
import IngotBytes
import IngotCorpus
import IngotDialects
import IngotEncodings
import IngotFormats
import IngotKit
import IngotModels
import IngotTasks
import IngotTestSupport
import IngotText
import Testing

/// What is claimed of a format, for the tests to check.
struct FormatClaims: Sendable, CustomTestStringConvertible {
  /// The page's name under `formats/`.
  let page: String
  /// The ids of the formats that it specifies, as the registry has them; none for a carrier such as zip.
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
      page: "safetensors.md", formats: ["safetensors"], rules: SafetensorsRule.ids,
      malformed: ["safetensors"],
      madeByTests: [
        "ST-03":
          "Tests/IngotFormatsTests/SafetensorsHeaderTests.swift: a header over 100 MB is refused by its length alone"
      ]),
    FormatClaims(
      page: "ingot.md", formats: ["ingot"], rules: IngotFileRule.ids, malformed: ["ingot"], madeByTests: [:]),
    FormatClaims(
      page: "numpy.md", formats: ["npy", "npz"], rules: NumPyRule.ids, malformed: ["numpy"], madeByTests: [:]),
    FormatClaims(
      page: "llmc.md", formats: ["llmc"], rules: LLMCRule.ids, malformed: ["llmc", "llmc-state"],
      madeByTests: [
        "LC-02": "Tests/IngotFormatsTests/LLMCTests.swift: another magic number is refused"
      ]),
    FormatClaims(
      page: "llama2c.md", formats: ["llama2c"], rules: Llama2CRule.ids, malformed: ["llama2c"],
      madeByTests: [
        "L2-01":
          "Tests/IngotFormatsTests/Llama2CTests.swift: what is neither marked nor as long as its numbers say is refused"
      ]),
    FormatClaims(
      page: "ctranslate2.md", formats: ["ctranslate2"], rules: CTranslate2Rule.ids,
      malformed: ["ctranslate2"],
      madeByTests: [
        "CT-01":
          "Tests/IngotFormatsTests/CTranslate2Tests.swift: what begins otherwise is not taken for one of its files"
      ]),
    FormatClaims(
      page: "pytorch.md", formats: ["pytorch"], rules: PyTorchRule.ids, malformed: ["pytorch"],
      madeByTests: [:]),
    FormatClaims(
      page: "containers/pickle.md", formats: [], rules: PickleRule.ids, malformed: ["pickle"],
      madeByTests: [:]),
    FormatClaims(
      page: "gguf.md", formats: ["gguf"], rules: GGUFRule.ids, malformed: ["gguf"], madeByTests: [:]),
    FormatClaims(
      page: "containers/zip.md", formats: [], rules: Array(Set(ZipRule.ids + StreamRule.ids)),
      malformed: ["zip"],
      madeByTests: [:]),
    FormatClaims(
      page: "tensorflow-bundle.md", formats: ["tensorflow"], rules: TensorFlowRule.ids,
      malformed: ["tensorflow"], madeByTests: [:]),
    FormatClaims(
      page: "openai-params.md", formats: ["openai-params"], rules: OpenAIParamsRule.ids,
      malformed: ["openai-params"], madeByTests: [:]),
    FormatClaims(
      page: "containers/sorted-table.md", formats: [], rules: SortedTableRule.ids,
      malformed: ["sorted-table"],
      madeByTests: [:]),
    FormatClaims(
      page: "containers/protobuf.md", formats: [], rules: ProtobufRule.ids, malformed: ["protobuf"],
      madeByTests: [:]),
    FormatClaims(
      page: "containers/archive.md", formats: [], rules: ArchiveRule.ids, malformed: ["archive"],
      madeByTests: [:]),
    FormatClaims(
      page: "quantized-tensors.md", formats: [], rules: QuantizedPartsRule.ids,
      malformed: ["quantized-tensors"],
      madeByTests: [:]),
    FormatClaims(
      page: "packed-weights.md", formats: [], rules: PackedRule.ids, malformed: ["packed-weights"],
      madeByTests: [:]),
    FormatClaims(
      page: "adapters.md", formats: [], rules: AdapterRule.ids, malformed: ["adapters"], madeByTests: [:]),
    FormatClaims(
      page: "config.md", formats: [], rules: ConfigRule.ids, malformed: ["config"], madeByTests: [:]),
    FormatClaims(
      page: "tokenizer.md", formats: [], rules: TokenizerRule.ids,
      malformed: ["tokenizer", "tokenizer-pipeline"],
      madeByTests: [
        "TK-08":
          "Tests/IngotTextTests/TokenizerTests.swift: keys of GGUF that make no vocabulary are refused by rule",
        "TK-10": "Tests/IngotTextTests/ComponentTests.swift: a component of another shape breaks TK-10",
      ]),
    FormatClaims(
      page: "json-lines.md", formats: [], rules: JSONLinesRule.ids, malformed: ["json-lines"],
      madeByTests: [:]),
    FormatClaims(
      page: "zero-shot.md", formats: [], rules: TaskRule.ids, malformed: ["zero-shot"], madeByTests: [:]),
    FormatClaims(
      page: "manifest.md", formats: [], rules: HashManifest.ManifestRule.ids, malformed: ["manifest"],
      madeByTests: [:]),
  ]
}

extension FormatRule {
  /// The ids of all rules.
  fileprivate static var ids: [String] { allCases.map(\.rawValue) }
}
