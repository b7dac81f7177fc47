// SPDX-License-Identifier: Apache-2.0
// OPT's graph is transformers': learned positions from row 2 on, norms before or behind sub-blocks, tokens of another width.
import IngotCore
import IngotGraph
import Testing

@Suite struct OPTGraphTests {
  private static func graph(_ preset: String) throws -> ModelGraph {
    let preset = try #require(ModelPreset.named(preset))
    return Architecture.opt.graph(Architecture.opt.config(of: preset))
  }

  /// Zhang et al., "OPT", 2022, table 1: 125 M and 350 M, of which the files of facebook/opt-125m and opt-350m hold these.
  @Test(arguments: [("opt-125m", 125_239_296), ("opt-350m", 331_196_416)])
  func `published models have as many parameters as was published`(_ name: String, _ count: Int) throws {
    let graph = try Self.graph(name)
    #expect(graph.parameterCount == count)
    #expect(graph.conflicts.isEmpty)
  }

  @Test func `norms stand before sub-blocks with one at the end, or behind their sums without one`() throws {
    let before = try Self.graph("opt-125m").nodes.map(\.name)
    let start = try #require(before.firstIndex(of: "layers.0.self_attn_layer_norm"))
    #expect(before[start + 1] == "layers.0.self_attn.q_proj")
    #expect(before.suffix(2) == ["final_layer_norm", "lm_head"])
    let behind = try Self.graph("opt-350m").nodes.map(\.name)
    let sum = try #require(behind.firstIndex(of: "layers.0.self_attn_layer_norm.add"))
    #expect(behind[sum + 1] == "layers.0.self_attn_layer_norm" && behind[sum + 2] == "layers.0.fc1")
    #expect(!behind.contains("final_layer_norm"))
  }

  @Test func `a config may say that the last norm is missing`() {
    var config = Architecture.opt.defaults
    config[.lacksFinalNorm] = true
    #expect(!Architecture.opt.graph(config).nodes.contains { $0.name == "final_layer_norm" })
  }

  @Test func `narrower tokens are projected at the start and at the end`() throws {
    let graph = try Self.graph("opt-350m")
    #expect(graph.nodes.prefix(2).map(\.name) == ["embed_tokens", "project_in"])
    #expect(graph.nodes.suffix(2).map(\.name) == ["project_out", "lm_head"])
    #expect(graph.parameter(TensorRole(.tokenEmbedding))?.shape == [50_272, 512])
    #expect(graph.parameter(TensorRole(.embeddingProjection))?.shape == [1024, 512])
    #expect(graph.parameter(TensorRole(.finalProjection))?.shape == [512, 1024])
  }

  @Test func `the first position has row 2 of the table, and a hidden token row 1`() throws {
    let graph = try Self.graph("opt-125m")
    #expect(graph.parameter(TensorRole(.positionEmbedding))?.shape == [2050, 768])
    let node = try #require(graph.nodes.first { $0.name == "embed_positions" })
    #expect((node.operation as? Embedding)?.offset == 2)
    let edge = try #require(graph.edge(of: .shownPositions))
    #expect(graph.valueCounts(of: edge) == [.fixed(2048)] && graph.leastValue(of: edge) == -2)
  }

  @Test func `positions count the tokens that a mask shows`() throws {
    let mask = [false, false, true, true, true, false, true, true]
    let run = RunExtent(batchCount: 2, tokenCount: 3, pastCount: 1, mask: mask)
    let positions = try #require(GraphInput.shownPositions.defaultValues)
    #expect(positions(run) == [-1, 0, 1, -1, 1, 2])
  }

  @Test func `without biases only norms have one`() {
    var config = Architecture.opt.defaults
    config[.attentionBias] = false
    let kinds = Architecture.opt.graph(config).parameters.map(\.role.kind.name)
    #expect(kinds.filter { $0.hasSuffix("bias") }.allSatisfy { $0.contains("norm") })
  }
}
