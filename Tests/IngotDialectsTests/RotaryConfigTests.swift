// SPDX-License-Identifier: Apache-2.0
// Rotary embeddings in configs: both spellings, what disagrees, what is not built, and the way out and back.
import IngotCore
import IngotDialects
import IngotGraph
import Testing

@Suite struct RotaryConfigTests {
  private static func read(_ keys: String, architecture: String = "llama") throws -> ModelConfiguration {
    let heads = architecture == "mistral" ? #""num_key_value_heads": 2, "# : ""
    let sizes = heads + #""hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 64"#
    let json = #"{"model_type": "\#(architecture)", \#(sizes)\#(keys.isEmpty ? "" : ", ")\#(keys)}"#
    return try ConfigReader(Array(json.utf8), path: "config.json").read()
  }

  private static func rule(_ keys: String, architecture: String = "llama") -> String? {
    do {
      _ = try read(keys, architecture: architecture)
      return nil
    } catch {
      guard case .malformed(let rule, _, _, _)? = error as? IngotError else { return "another error" }
      return rule.id
    }
  }

  @Test(arguments: [
    (#""rope_theta": 5000.0"#, RotaryParameters(base: 5000)),
    (#""rope_theta": 5000, "rope_scaling": null"#, RotaryParameters(base: 5000)),
    (#""rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"}"#, RotaryParameters(base: 5000)),
    (#""rope_parameters": {"rope_theta": 5000.0}"#, RotaryParameters(base: 5000)),
    ("", RotaryParameters(base: 10_000)),
    (
      #""rope_scaling": {"type": "linear", "factor": 4}"#,
      RotaryParameters(base: 10_000, scaling: .linear(factor: 4))
    ),
    (
      #""rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 4.0}, "rope_theta": 7"#,
      RotaryParameters(base: 7, scaling: .linear(factor: 4))
    ),
    (
      #""rope_parameters": {"rope_theta": 7, "rope_type": "dynamic", "factor": 2}, "rope_theta": 7.0, "rope_scaling": {"type": "dynamic", "factor": 2.0}"#,
      RotaryParameters(base: 7, scaling: .dynamic(factor: 2))
    ),
    (
      #""rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}"#,
      RotaryParameters(base: 10_000, scaling: .llama3(factor: 8, low: 1, high: 4, original: 16))
    ),
    (
      #""rope_scaling": {"rope_type": "yarn", "factor": 4}"#,
      RotaryParameters(base: 10_000, scaling: .yarn(YarnScaling(factor: 4, original: 64)))
    ),
    (
      #""rope_scaling": {"rope_type": "yarn"}, "original_max_position_embeddings": 16"#,
      RotaryParameters(base: 10_000, scaling: .yarn(YarnScaling(factor: nil, original: 16)))
    ),
  ])
  func `is read in every spelling`(_ keys: String, _ expected: RotaryParameters) throws {
    #expect(try Self.read(keys).config[.rotary] == expected)
  }

  @Test(arguments: [
    (#""rope_theta": 5000, "rope_parameters": {"rope_theta": 10000, "rope_type": "default"}"#, "CF-05"),
    (
      #""rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "default"}"#,
      "CF-05"
    ),
    (
      #""rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "linear", "factor": 4}"#,
      "CF-05"
    ),
    (#""rope_scaling": {"type": "linear", "rope_type": "dynamic", "factor": 2}"#, "CF-05"),
    (#""rope_scaling": {"type": "linear"}"#, "CF-03"), (#""rope_scaling": {"factor": 2}"#, "CF-03"),
    (#""rope_scaling": 4"#, "CF-03"), (#""rope_theta": "10000""#, "CF-03"),
    (#""rope_scaling": {"type": 1}"#, "CF-03"),
    (#""rope_scaling": {"type": "longrope", "short_factor": 1, "long_factor": [1]}"#, "CF-03"),
    (#""rope_scaling": {"rope_type": "yarn", "truncate": 1}"#, "CF-03"),
    (#""rope_theta": 0"#, "CF-04"), (#""rope_theta": -1.0"#, "CF-04"),
    (#""rope_scaling": {"type": "linear", "factor": 0}"#, "CF-04"),
    (
      #""rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}"#,
      "CF-04"
    ),
    (#""rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 0}"#, "CF-04"),
    (
      #""rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1]}"#,
      "CF-06"
    ),
    (#""rope_scaling": {"type": "mrope"}"#, "CF-08"), (#""rope_scaling": {"type": "su"}"#, "CF-08"),
    (#""rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}"#, "CF-08"),
    (#""rope_parameters": {"full_attention": {"rope_type": "default"}}"#, "CF-08"),
    (#""partial_rotary_factor": 0.5"#, "CF-08"), (#""num_key_value_heads": 3"#, "CF-06"),
    (#""head_dim": 7"#, "CF-06"), (#""hidden_size": 33"#, "CF-01"),
  ])
  func `what disagrees, is missing or is not built is refused by its rule`(_ keys: String, _ expected: String)
  {
    #expect(Self.rule(keys) == expected)
  }

  @Test(arguments: [
    #""embedding_multiplier": 12"#, #""residual_multiplier": 0.22"#, #""attention_multiplier": 0.0078125"#,
    #""logits_scaling": 8"#, #""logit_scale": 0.0625"#, #""scale_emb": 12"#, #""scale_depth": 1.4"#,
    #""dim_model_base": 256"#, #""final_logit_softcapping": 30"#, #""num_local_experts": 8"#,
    #""use_bidirectional_attention": true"#, #""is_causal": false"#,
    #""layer_types": ["full_attention", "linear_attention"]"#,
    #""no_rope_layers": [1, 0]"#, #""sliding_window": 4096"#, #""v_head_dim": 4"#,
  ])
  func `what looks like Llama and computes otherwise is refused by the key`(_ key: String) {
    #expect(Self.rule(key) == "CF-08")
  }

  @Test(arguments: [
    #""embedding_multiplier": 1, "logits_scaling": 1.0, "layer_types": ["full_attention"], "sliding_window": null"#,
    #""num_local_experts": 0, "attention_multiplier": null, "no_rope_layers": [1, 1]"#,
  ])
  func `the one value that is built may stand there, whole or with a point`(_ keys: String) {
    #expect(Self.rule(keys) == nil)
  }

  @Test func `of Mistral a missing window is 4,096 and null is none`() throws {
    #expect(try Self.read("", architecture: "mistral").config[.window] == 4096)
    #expect(try Self.read(#""sliding_window": null"#, architecture: "mistral").config[.window] == 0)
    #expect(try Self.read(#""sliding_window": 7"#, architecture: "mistral").config[.window] == 7)
    #expect(Self.rule(#""sliding_window": 0"#, architecture: "mistral") == "CF-04")
  }

  @Test(arguments: [
    RotaryScaling.none, .linear(factor: 4), .dynamic(factor: 2),
    .llama3(factor: 8, low: 1, high: 4, original: 16), .yarn(YarnScaling(factor: 4, original: 16)),
    .longrope(LongropeScaling(short: [1, 1, 1, 1], long: [2, 3, 4, 5], original: 16)),
  ])
  func `a config that is written has both spellings, and each alone says the same`(_ scaling: RotaryScaling)
    throws
  {
    var configuration = try Self.read("")
    configuration.config[.rotary] = RotaryParameters(base: 5000, scaling: scaling)
    let document = ConfigWriter.document(configuration.config, of: .llama)
    #expect(document["rope_theta"] == .float64(5000) && document["rope_parameters"] != nil)
    for missing in [[], ["rope_parameters"], ["rope_theta", "rope_scaling"]] {
      var document = document
      for key in missing { document[key] = nil }
      let read = try ConfigReader(document: document, path: "config.json").read().config
      #expect(read == configuration.config, "without \(missing)")
    }
  }
}
