// SPDX-License-Identifier: Apache-2.0
// Llama's graph is the papers': its parts, their order, their shapes and numbers.
import IngotCore
import IngotGraph
import Testing

@Suite struct LlamaGraphTests {
  private static func graph(_ preset: String) throws -> ModelGraph {
    let preset = try #require(ModelPreset.named(preset))
    return Architecture.llama.graph(Architecture.llama.config(of: preset))
  }

  /// As the model cards on huggingface.co count them, from their files: meta-llama/Llama-2-7b-hf, Llama-3.1-8B,
  /// TinyLlama/TinyLlama-1.1B-Chat-v1.0, HuggingFaceTB/SmolLM2-135M.
  @Test(arguments: [
    ("llama-2-7b", 6_738_415_616), ("llama-3.1-8b", 8_030_261_248), ("tinyllama-1.1b", 1_100_048_384),
    ("smollm2-135m", 134_515_008),
  ])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let graph = try Self.graph(name)
    #expect(graph.parameterCount == count)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `norms stand at the inputs of sub-blocks and behind the last, and the gate is multiplied with`()
    throws
  {
    let names = try Self.graph("llama-2-7b").nodes.map(\.name)
    let block = [
      "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.q_rotary", "self_attn.k_rotary",
      "self_attn.v_proj", "self_attn", "self_attn.o_proj", "attention_add", "post_attention_layernorm",
      "mlp.gate_proj", "mlp.act", "mlp.up_proj", "mlp.gated", "mlp.down_proj", "mlp_add",
    ]
    #expect(names.first == "embed_tokens")
    #expect(Array(names[1...block.count]) == block.map { "layers.0.\($0)" })
    #expect(names.suffix(2) == ["norm", "lm_head"])
  }

  @Test func `heads of keys serve several of queries, and all numbers of a head are turned`() throws {
    let graph = try Self.graph("llama-3.1-8b")
    let node = try #require(graph.nodes.first { $0.name == "layers.31.self_attn" })
    let attention = try #require(node.operation as? Attention)
    #expect(attention.queries.headCount == 32 && attention.keys.headCount == 8 && attention.groupSize == 4)
    #expect(attention.isCausal && attention.window == nil)
    #expect(attention.scale == 1 / 128.0.squareRoot())
    let rotary = try #require(
      graph.nodes.first { $0.name == "layers.31.self_attn.k_rotary" }?.operation as? Rotary)
    #expect(rotary.schedule.pairCount == 64 && rotary.schedule.parameters.base == 500_000)
    #expect(graph.caches.count == 32 && graph.caches[0].width == 1024)
  }

  @Test func `texts go on token by token, and positions have no table`() throws {
    let graph = try Self.graph("tinyllama-1.1b")
    #expect(graph.continuesText && graph.predictsTokens)
    let positions = try #require(graph.edge(of: .positions))
    #expect(graph.valueCounts(of: positions).isEmpty)
  }

  @Test func `biases are there where the config says so`() {
    var config = Architecture.llama.defaults
    config[.blockCount] = 1
    let plain = Architecture.llama.graph(config)
    #expect(!plain.parameters.contains { $0.role.kind.name.hasSuffix("bias") })
    config[.attentionBias] = true
    config[.feedForwardBias] = true
    let kinds = Architecture.llama.graph(config).parameters.map(\.role.kind)
    #expect(kinds.filter { $0.name.hasSuffix("bias") }.count == 7)
  }
}
