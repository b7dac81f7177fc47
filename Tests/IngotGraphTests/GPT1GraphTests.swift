// SPDX-License-Identifier: Apache-2.0
// GPT-1's graph is the paper's: layer norm behind each residual addition, and none at the end.
import IngotCore
import IngotGraph
import Testing

@Suite struct GPT1GraphTests {
  private static let defaults = Architecture.gpt1.defaults

  @Test func `the published model has 116,534,784 parameters, and sees 512 tokens`() {
    // 40,478 × 768 + 512 × 768 + 12 × 7,087,872.
    let graph = Architecture.gpt1.graph(Self.defaults)
    #expect(graph.parameterCount == 116_534_784)
    #expect(Self.defaults.contextLength == 512 && Self.defaults.vocabularySize == 40478)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `layer norm stands behind each addition, and the head takes what the last block gives`() {
    let graph = Architecture.gpt1.graph(Self.defaults.with(.blockCount, 2))
    let names = graph.nodes.map(\.name)
    #expect(names.prefix(3) == ["tokens_embed", "positions_embed", "embed"])
    let block = [
      "attn.c_attn", "attn", "attn.c_proj", "attn.add", "ln_1", "mlp.c_fc", "mlp.act", "mlp.c_proj",
      "mlp.add",
      "ln_2",
    ]
    #expect(Array(names[3..<13]) == block.map { "h.0.\($0)" })
    #expect(names.suffix(2) == ["h.1.ln_2", "lm_head"])
  }

  @Test func `every weight starts with the deviation 0.02`() {
    let graph = Architecture.gpt1.graph(Self.defaults.with(.blockCount, 2))
    for parameter in graph.parameters where parameter.shape.rank == 2 {
      #expect(parameter.initialization == .normal(deviation: 0.02), "\(parameter.role)")
    }
  }
}
