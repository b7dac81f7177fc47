// SPDX-License-Identifier: Apache-2.0
// GPT-2's graph is the paper's: its parts, their order, their shapes and numbers.
import IngotCore
import IngotGraph
import Testing

@Suite struct GPT2GraphTests {
  @Test func `the smallest published model has 124,439,808 parameters in 148 tensors`() {
    let graph = Architecture.gpt2.graph(ModelConfig.gpt2())
    #expect(graph.parameterCount == 124_439_808)
    #expect(graph.parameters.count == 148)
    #expect(graph.conflicts.isEmpty)
  }

  @Test(arguments: [(24, 1024, 16, 354_823_168), (36, 1280, 20, 774_030_080), (48, 1600, 25, 1_557_611_200)])
  func `the larger ones have what was published`(_ blocks: Int, _ width: Int, _ heads: Int, _ count: Int) {
    #expect(
      Architecture.gpt2.graph(ModelConfig.gpt2(width: width, blockCount: blocks, headCount: heads))
        .parameterCount == count)
  }

  @Test func `layer norm stands at the input of each sub-block, and once more behind the last`() {
    let graph = Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 2))
    let names = graph.nodes.map(\.name)
    #expect(names.prefix(3) == ["wte", "wpe", "embed"])
    let block = [
      "ln_1", "attn.c_attn", "attn", "attn.c_proj", "attn.add", "ln_2", "mlp.c_fc", "mlp.act", "mlp.c_proj",
      "mlp.add",
    ]
    #expect(Array(names[3..<13]) == block.map { "h.0.\($0)" })
    #expect(names.suffix(2) == ["ln_f", "lm_head"])
  }

  @Test func `outputs have the names that transformers gives them`() throws {
    let graph = Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 3))
    let expected = [
      "hidden_states.0", "hidden_states.1", "hidden_states.2", "hidden_states.3", "last_hidden_state",
      "logits",
    ]
    #expect(graph.outputs.map(\.name) == expected)
    let norm = try #require(graph.nodes.first { $0.name == "ln_f" })
    #expect(graph.outputs[3].edge == norm.output)
    #expect(graph.outputs[4].edge == norm.output)
  }

  @Test(arguments: [(true, false, 0.125), (false, false, 1.0), (true, true, 0.0625), (false, true, 0.5)])
  func `scores of the second block are scaled as the config says`(
    _ scales: Bool, _ byBlock: Bool, _ expected: Double
  ) throws {
    let graph = Architecture.gpt2.graph(
      ModelConfig.gpt2(blockCount: 2, scalesAttention: scales, scalesAttentionByBlock: byBlock))
    let node = try #require(graph.nodes.first { $0.name == "h.1.attn" })
    let attention = try #require(node.operation as? Attention)
    #expect(attention.scale == expected)
    #expect(attention.isCausal)
    for view in [attention.queries, attention.keys, attention.values] {
      #expect(view.headCount == 12 && view.headDimension == 64)
    }
  }

  @Test func `a tied head is the token embedding, an untied one a parameter of its own`() throws {
    let tied = Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 1))
    let untied = Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 1, tiesHead: false))
    #expect(tied.nodes.last?.parameters == [TensorRole(.tokenEmbedding)])
    #expect(untied.nodes.last?.parameters == [TensorRole(.head)])
    #expect(untied.parameterCount - tied.parameterCount == 50257 * 768)
  }

  @Test func `linear weights and the token embedding are quantized, along their output channels`() {
    let graph = Architecture.gpt2.graph(ModelConfig.gpt2(blockCount: 1))
    let axes = graph.parameters.filter(\.isQuantizable).map { ($0.role.kind, $0.outputAxis) }
    #expect(
      axes.map(\.0) == [
        .tokenEmbedding, .attentionInputWeight, .attentionOutputWeight, .feedForwardInputWeight,
        .feedForwardOutputWeight,
      ])
    #expect(axes.map(\.1) == [0, 1, 1, 1, 1])
  }
}
