// SPDX-License-Identifier: Apache-2.0
// A → B → A over every pair of dialects, each in the format of its program, and over the other formats that hold
// transformers' names: equal digests and an equal config, or a refusal by the key that can't be expressed.
import Foundation
import IngotGraph
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct DialectPairTests {
  /// A dialect in a format; the name says by its end whether it is a file or a folder.
  struct Form: CustomTestStringConvertible, Sendable {
    let dialect: String
    let format: String
    let name: String

    var testDescription: String { "\(dialect) in \(format)" }
  }

  static let forms = [
    Form(dialect: "hf", format: "safetensors", name: "hf/"),
    Form(dialect: "hf", format: "pytorch", name: "pytorch/"),
    Form(dialect: "hf", format: "npz", name: "npz/"),
    Form(dialect: "hf", format: "ingot", name: "hf.ingot"),
    Form(dialect: "openai", format: "tensorflow", name: "openai/"),
    Form(dialect: "gguf", format: "gguf", name: "model.gguf"),
    Form(dialect: "llmc", format: "llmc", name: "model.bin"),
    Form(dialect: "mlx", format: "safetensors", name: "mlx/"),
    Form(dialect: "nanogpt", format: "pytorch", name: "ckpt.pt"),
  ]

  /// Models that differ in what a config says or in what is stored.
  static let models = [
    "kjv-gpt2", "models/base", "models/untied", "models/mask-buffers", "models/stored-head",
    "models/one-block",
    "models/epsilon", "models/activation-gelu", "models/activation-relu", "models/inner-40",
    "models/unscaled",
    "models/scaled-by-block", "models/without-prefix", "models/config-aliases", "models/config-defaults",
    "models/head-of-7",
  ]

  /// The keys whose values a dialect's program has built in: `nil` where it reads them.
  private static func refusal(of model: String, by dialect: String) throws -> [String] {
    let bytes = try Fixture.bytes(model + "/config.json")
    let config = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    let activation = config["activation_function"] as? String ?? "gelu_new"
    let width = config["n_embd"] as? Int ?? config["hidden_size"] as? Int ?? 768
    let tied = config["tie_word_embeddings"] as? Bool ?? true
    let broken: [(key: String, isBroken: Bool)] = [
      ("activation_function", activation != "gelu" && dialect == "nanogpt"),
      (
        "activation_function",
        !["gelu_new", "gelu_pytorch_tanh"].contains(activation) && dialect != "nanogpt"
      ),
      ("n_inner", dialect != "gguf" && (config["n_inner"] as? Int ?? 4 * width) != 4 * width),
      ("scale_attn_weights", config["scale_attn_weights"] as? Bool == false),
      ("scale_attn_by_inverse_layer_idx", config["scale_attn_by_inverse_layer_idx"] as? Bool == true),
      (
        "layer_norm_epsilon",
        !["gguf", "mlx"].contains(dialect) && (config["layer_norm_epsilon"] as? Double ?? 1e-5) != 1e-5
      ),
      ("tie_word_embeddings", dialect != "gguf" && !tied),
    ]
    return dialect == "hf" ? [] : broken.filter(\.isBroken).map(\.key)
  }

  private static func convert(_ input: String, to form: Form, in folder: TemporaryFolder) throws -> String {
    var options = ConvertOptions()
    (options.dialect, options.format) = (form.dialect, form.format)
    let output = folder.file(form.name)
    _ = try Conversion(input, to: output, options: options).run()
    return output
  }

  private static func config(_ path: String) throws -> ModelConfig {
    try Model(path).recognised.configuration.config
  }

  /// Expects that a model goes into a form, or that it is refused by one of the keys and nothing is left.
  private func made(
    _ input: String, of model: String, as form: Form, in folder: TemporaryFolder
  ) throws -> String? {
    let keys = try Self.refusal(of: model, by: form.dialect)
    guard !keys.isEmpty else { return try Self.convert(input, to: form, in: folder) }
    let error = #expect(throws: IngotError.self, "\(form.testDescription)") {
      _ = try Self.convert(input, to: form, in: folder)
    }
    guard case .unrepresentable(_, _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return nil
    }
    #expect(keys.contains { "\(why)".contains($0) }, "\(why)")
    #expect(folder.entries().isEmpty)
    return nil
  }

  @Test(arguments: models, forms)
  func `goes from each form to every other and back`(_ model: String, _ first: Form) throws {
    let folder = try TemporaryFolder()
    guard let here = try made(Fixture.path(model), of: model, as: first, in: folder) else { return }
    let digests = try DialectTests.digests(here)
    let config = try Self.config(here)
    let modelDigests = try DialectTests.digests(here, as: "hf")
    for second in Self.forms {
      let (thereFolder, backFolder) = (try TemporaryFolder(), try TemporaryFolder())
      guard let there = try made(here, of: model, as: second, in: thereFolder) else { continue }
      #expect(try DialectTests.digests(there, as: "hf") == modelDigests, "\(second.testDescription)")
      #expect(try Self.config(there) == config, "\(second.testDescription)")
      let back = try Self.convert(there, to: first, in: backFolder)
      #expect(try DialectTests.digests(back) == digests, "\(second.testDescription)")
      #expect(try Self.config(back) == config, "\(second.testDescription)")
    }
  }
}
