// SPDX-License-Identifier: Apache-2.0
// The models under fixtures/ with the outputs that two outside implementations agree on.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

/// A model under `fixtures/` with its references.
struct ReferenceModel: Sendable, CustomTestStringConvertible {
  /// The folder below `fixtures/`.
  let folder: String

  var testDescription: String { folder }

  static let all =
    (Fixture.models + ["kjv-gpt2"]).map { ReferenceModel(folder: $0) }

  /// The model's path.
  var path: String { Fixture.path(folder) }

  /// The path of its expected outputs.
  var expected: String {
    let name = Fixture.names(in: folder).first { $0.hasPrefix("expected.") } ?? "expected.npz"
    return Fixture.path(folder + "/" + name)
  }

  /// Verifies the model against its references.
  func verify(_ precision: Precision) throws -> VerificationReport {
    var options = VerifyOptions()
    options.fixtures = expected
    options.run.precision = precision
    return try Ingot.verify(path, options: options)
  }

  /// PyTorch's own error in float32 on the same inputs, by output.
  func pytorchErrors() throws -> [String: PyTorchError] {
    let data = Data(try Fixture.bytes(folder + "/pytorch_fp32.json"))
    return try JSONDecoder().decode(PyTorchReport.self, from: data).outputs
  }
}

/// How far PyTorch's float32 is from float64.
struct PyTorchError: Decodable {
  let maxRel: Double
  let rmsRel: Double

  private enum CodingKeys: String, CodingKey {
    case maxRel = "max_rel"
    case rmsRel = "rms_rel"
  }
}

private struct PyTorchReport: Decodable {
  let outputs: [String: PyTorchError]
}
