// SPDX-License-Identifier: Apache-2.0
// Gemma 3's graph is the report's: norms of heads, five layers of six that see a window, and two rotary embeddings.
import IngotCore
import IngotGraph
import Testing

@Suite struct Gemma3GraphTests {
  private static func graph(_ preset: String) throws -> ModelGraph {
    let preset = try #require(ModelPreset.named(preset))
    return Architecture.gemma3.graph(Architecture.gemma3.config(of: preset))
  }

  /// As the model cards of google/gemma-3-270m and gemma-3-1b-pt count them.
  @Test(arguments: [("gemma-3-270m", 268_098_176), ("gemma-3-1b", 999_885_952)])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let graph = try Self.graph(name)
    #expect(graph.parameterCount == count)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `every sixth layer sees all tokens, and turns a hundred times slower than the others`() throws {
    let graph = try Self.graph("gemma-3-1b")
    for block in 0..<26 {
      let node = try #require(graph.nodes.first { $0.name == "layers.\(block).self_attn" })
      let rotary = try #require(
        graph.nodes.first { $0.name == "layers.\(block).self_attn.q_rotary" }?.operation as? Rotary)
      let isWhole = block % 6 == 5
      #expect((node.operation as? Attention)?.window == (isWhole ? nil : 512), "\(block)")
      #expect(rotary.schedule.parameters.base == (isWhole ? 1_000_000 : 10_000), "\(block)")
    }
  }

  @Test func `a list of layers decides on windows and on rotary embeddings`() {
    var config = Architecture.gemma3.defaults
    config[.blockCount] = 3
    config[.windowBlocks] = [false, true, false]
    #expect((0..<3).map { config.window(ofBlock: $0) } == [nil, 4096, nil])
    #expect(
      (0..<3).map { config.rotarySchedule(ofBlock: $0)?.parameters.base } == [1_000_000, 10_000, 1_000_000])
    // Which embedding turns a layer is its kind's, whether there is a window or not.
    config[.window] = 0
    #expect((0..<3).allSatisfy { config.window(ofBlock: $0) == nil })
    #expect(config.rotarySchedule(ofBlock: 1)?.parameters.base == 10_000)
  }

  @Test func `queries and keys are normalized head by head, and all gains have 1 added`() throws {
    let graph = try Self.graph("gemma-3-270m")
    #expect(graph.parameter(TensorRole(.queryNormGain, block: 0))?.shape == [256])
    let norms = graph.nodes.compactMap { $0.operation as? RMSNorm }
    #expect(norms.count == 18 * 6 + 1 && norms.allSatisfy { $0.offset == 1 })
    #expect(graph.nodes.allSatisfy { ($0.operation as? Attention)?.softcap == nil })
    #expect(graph.nodes.last?.name == "lm_head")
  }
}
