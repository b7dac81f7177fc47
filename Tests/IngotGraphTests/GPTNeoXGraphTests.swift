// SPDX-License-Identifier: Apache-2.0
// GPT-NeoX's graph is the paper's: attention and feed-forward side by side, and a quarter of each head turned.
import IngotCore
import IngotGraph
import Testing

@Suite struct GPTNeoXGraphTests {
  private static func graph(_ preset: String) throws -> ModelGraph {
    let preset = try #require(ModelPreset.named(preset))
    return Architecture.neoX.graph(Architecture.neoX.config(of: preset))
  }

  /// Biderman et al., "Pythia", 2023, table 1; Black et al., "GPT-NeoX-20B", 2022, section 2.1: 20 B, of which the file of
  /// EleutherAI/gpt-neox-20b holds these.
  @Test(arguments: [("pythia-70m", 70_426_624), ("gpt-neox-20b", 20_554_567_680)])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let graph = try Self.graph(name)
    #expect(graph.parameterCount == count)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `both parts of a block take the block's input, or the second what the first gave`() throws {
    var config = Architecture.neoX.defaults
    for isParallel in [true, false] {
      config[.isParallel] = isParallel
      let graph = Architecture.neoX.graph(config)
      func node(_ name: String) throws -> GraphNode {
        try #require(graph.nodes.first { $0.name == "layers.1.\(name)" })
      }
      let (first, second) = (try node("input_layernorm"), try node("post_attention_layernorm"))
      #expect((first.inputs == second.inputs) == isParallel)
      #expect((second.inputs == [try node("attention_add").output]) == !isParallel)
    }
  }

  @Test func `the first 24 of the 96 numbers of a head turn, in queries and keys alone`() throws {
    let graph = try Self.graph("gpt-neox-20b")
    let rotary = try #require(
      graph.nodes.first { $0.name == "layers.0.attention.rotary" }?.operation as? Rotary)
    #expect(rotary.headDimension == 96 && rotary.schedule.pairCount == 12)
    #expect(rotary.turnedHeadCount == 128)
  }

  @Test func `biases of attention are there where the config says so, the others always`() {
    var config = Architecture.neoX.defaults
    config[.blockCount] = 1
    func biases() -> Int {
      Architecture.neoX.graph(config).parameters.count { $0.role.kind.name.hasSuffix("bias") }
    }
    #expect(biases() == 7)
    config[.attentionBias] = false
    #expect(biases() == 5)
  }
}
