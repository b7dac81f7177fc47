// SPDX-License-Identifier: Apache-2.0
// Gemma 2's graph is the report's: norms before and behind sub-blocks, bounded scores, a window in every other layer.
import IngotCore
import IngotGraph
import Testing

@Suite struct Gemma2GraphTests {
  private static let defaults = Architecture.gemma2.defaults

  /// As the model card of google/gemma-2-2b counts them.
  @Test func `the published model has 2,614,341,888 parameters`() throws {
    let preset = try #require(ModelPreset.named("gemma-2-2b"))
    let graph = Architecture.gemma2.graph(Architecture.gemma2.config(of: preset))
    #expect(graph.parameterCount == 2_614_341_888)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `what comes out of a sub-block is normalized before it is added`() {
    let names = Architecture.gemma2.graph(Self.defaults).nodes.map(\.name)
    let block = [
      "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.q_rotary", "self_attn.k_rotary",
      "self_attn.v_proj", "self_attn", "self_attn.o_proj", "attention_norm", "attention_add",
      "post_attention_layernorm", "mlp.gate_proj", "mlp.act", "mlp.up_proj", "mlp.gated", "mlp.down_proj",
      "mlp_norm", "mlp_add",
    ]
    #expect(Array(names[2..<(2 + block.count)]) == block.map { "layers.0.\($0)" })
  }

  @Test func `scores are bounded, those of attention by 50 and the head's by 30, where the config says so`()
    throws
  {
    let graph = Architecture.gemma2.graph(Self.defaults)
    let softcap = try #require(graph.nodes.last)
    #expect(softcap.name == "softcap" && (softcap.operation as? Softcap)?.bound == 30)
    let bounds = graph.nodes.compactMap { $0.operation as? Attention }.map(\.softcap)
    #expect(bounds == [Double?](repeating: 50, count: 26))
    var config = Self.defaults
    config[.attentionSoftcap] = 0
    config[.headSoftcap] = 0
    let plain = Architecture.gemma2.graph(config)
    #expect(plain.nodes.last?.name == "lm_head")
    #expect(plain.nodes.allSatisfy { ($0.operation as? Attention)?.softcap == nil })
  }

  @Test func `the first of two layers sees a window, the second all tokens`() {
    let config = Self.defaults
    #expect((0..<4).map { config.window(ofBlock: $0) } == [4096, nil, 4096, nil])
  }

  @Test func `scores are divided by the root of a number of the config's own`() throws {
    var config = Self.defaults
    config[.queryScalar] = 144
    let graph = Architecture.gemma2.graph(config)
    let attention = try #require(graph.nodes.compactMap { $0.operation as? Attention }.first)
    #expect(attention.scale == 1.0 / 12)
  }
}
