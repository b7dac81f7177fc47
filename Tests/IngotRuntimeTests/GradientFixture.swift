// SPDX-License-Identifier: Apache-2.0
// Small models with the gradients that torch's autograd gives in float64.
import IngotBytes
import IngotCore
import IngotKit
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

/// A file of `fixtures/gradients` with the model that it is of.
struct GradientFixture: Sendable, CustomTestStringConvertible {
  /// The model's folder below `fixtures/`.
  let folder: String

  var testDescription: String { folder }

  static let all: [GradientFixture] = {
    let files = Set(Fixture.names(in: "gradients"))
    return Fixture.models.filter { files.contains(fileName(of: $0)) }.map { GradientFixture(folder: $0) }
  }()

  /// The one whose file has a step of SGD.
  static let stepped = GradientFixture(folder: "models/head-of-7")

  private static func fileName(of folder: String) -> String {
    folder.split(separator: "/").joined(separator: "-") + ".safetensors"
  }

  /// A loaded file.
  struct Contents {
    let model: Model
    let request: GradientRequest
    let loss: Double
    /// With respect to parameters.
    let parameters: WeightStore
    /// With respect to hidden states, by name.
    let hidden: [String: [Double]]
  }

  private var path: String { Fixture.path("gradients/" + Self.fileName(of: folder)) }

  /// Numbers of the file by name.
  func arrays() throws -> [String: [Double]] {
    let checkpoint = try Ingot.open(path)
    let loader = ArrayLoader(checkpoint, work: WorkOptions())
    var arrays: [String: [Double]] = [:]
    for tensor in checkpoint.tensors {
      arrays[tensor.name] =
        tensor.dtype.isFloating
        ? try loader.reals(tensor).values : try loader.integers(tensor).values.map(Double.init)
    }
    return arrays
  }

  /// What tensors of the file stand for as parameters of the model, whose names and shapes they have; `prefix` stands before
  /// their names.
  func parameters(prefix: String = "") throws -> WeightStore {
    var checkpoint = try Ingot.open(path)
    let names = try Set(Ingot.open(Fixture.path(folder)).tensors.map(\.name))
    checkpoint.tensors = checkpoint.tensors.compactMap { tensor in
      guard tensor.name.hasPrefix(prefix) else { return nil }
      var tensor = tensor
      tensor.name.removeFirst(prefix.count)
      return names.contains(tensor.name) ? tensor : nil
    }
    let config = Fixture.path(folder + "/config.json")
    return try loadWeights(Model(checkpoint, path: path, config: config, work: WorkOptions()))
  }

  func load() throws -> Contents {
    let inputs = try FixtureSet(path: ReferenceModel(folder: folder).expected, vocabularySize: 1)
    let model = try Model(Fixture.path(folder)).taking(inputs.otherInputs.map(\.input))
    let arrays = try arrays()
    let run = inputs.request(of: model.recognised.graph, wanting: [])
    let objective: GradientRequest.Objective =
      if let targets = arrays["targets"] { .tokens(targets.map { Int($0) }) } else {
        .sum(of: "logits", factors: try #require(arrays["factors.logits"]))
      }
    let hidden = arrays.filter { $0.key.hasPrefix("hidden_states.") }
    var request = GradientRequest(run, objective)
    request.wanted = Set(hidden.keys)
    return Contents(
      model: model, request: request, loss: try #require(arrays["loss"]?.first), parameters: try parameters(),
      hidden: hidden)
  }
}
