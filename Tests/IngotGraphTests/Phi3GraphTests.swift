// SPDX-License-Identifier: Apache-2.0
// Phi-3's graph is Llama's with projections side by side: queries, keys and values in one, gate and up in another.
import IngotCore
import IngotGraph
import Testing

@Suite struct Phi3GraphTests {
  /// As the model card of microsoft/Phi-3-mini-4k-instruct counts them.
  @Test func `the published model has 3,821,079,552 parameters, and a window of 2,047 tokens`() throws {
    let preset = try #require(ModelPreset.named("phi-3-mini-4k"))
    let graph = Architecture.phi3.graph(Architecture.phi3.config(of: preset))
    #expect(graph.parameterCount == 3_821_079_552)
    #expect(graph.conflicts.isEmpty)
    let windows = Set(graph.nodes.compactMap { ($0.operation as? Attention)?.window })
    #expect(windows == [2047])
  }

  @Test func `one projection makes queries, keys and values, and another gate and up`() {
    let names = Architecture.phi3.graph(Architecture.phi3.defaults).nodes.map(\.name)
    let block = [
      "input_layernorm", "self_attn.qkv_proj", "self_attn.qk_rotary", "self_attn", "self_attn.o_proj",
      "attention_add", "post_attention_layernorm", "mlp.gate_up_proj", "mlp.gated", "mlp.down_proj",
      "mlp_add",
    ]
    #expect(Array(names[1...block.count]) == block.map { "layers.0.\($0)" })
  }

  @Test func `queries and keys are turned, and values behind them stay`() throws {
    var config = Architecture.phi3.defaults
    config[.keyHeadCount] = 8
    let graph = Architecture.phi3.graph(config)
    let rotary = try #require(
      graph.nodes.first { $0.name == "layers.0.self_attn.qk_rotary" }?.operation as? Rotary)
    #expect(rotary.turnedHeadCount == 32 + 8)
    let attention = try #require(
      graph.nodes.first { $0.name == "layers.0.self_attn" }?.operation as? Attention)
    #expect(attention.groupSize == 4)
    #expect(attention.queries.offset == 0 && attention.keys.offset == 32 * 96)
    #expect(attention.values.offset == 40 * 96 && attention.values.rowStride == 48 * 96)
    #expect(graph.parameter(TensorRole(.attentionInputWeight, block: 0))?.shape == [48 * 96, 3072])
    #expect(graph.parameter(TensorRole(.feedForwardGateUpWeight, block: 0))?.shape == [16_384, 3072])
  }

  @Test func `of a share of three quarters the first 72 of 96 numbers turn`() throws {
    var config = Architecture.phi3.defaults
    config[.rotary].share = 0.75
    let graph = Architecture.phi3.graph(config)
    let rotary = try #require(
      graph.nodes.first { $0.name == "layers.0.self_attn.qk_rotary" }?.operation as? Rotary)
    #expect(rotary.headDimension == 96 && rotary.schedule.pairCount == 36)
  }
}
