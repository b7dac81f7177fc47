// SPDX-License-Identifier: Apache-2.0
// Mixtral's graph is the paper's: experts in place of each feed-forward part, two of eight for each token.
import IngotCore
import IngotGraph
import Testing

@Suite struct MixtralGraphTests {
  /// Jiang et al., "Mixtral of Experts", 2024, section 2: 47 B, of which 13 B are active; the total of mistralai/Mixtral-8x7B-v0.1's files.
  @Test func `the published model has as many parameters as was published`() throws {
    let preset = try #require(ModelPreset.named("mixtral-8x7b"))
    let architecture = try #require(Architecture.all.first { $0.presets.contains(preset) })
    #expect(architecture.graph(architecture.config(of: preset)).parameterCount == 46_702_792_704)
  }

  /// Section 2.1: softmax over the scores of the two that are chosen.
  @Test func `two of eight experts are taken, with shares of those`() throws {
    let graph = Architecture.mixtral.graph(Architecture.mixtral.defaults.with(.blockCount, 1))
    let experts = try #require(graph.nodes.compactMap { $0.operation as? Experts }.first)
    #expect(experts.expertCount == 8 && experts.chosenCount == 2 && experts.shares == .ofChosen)
    #expect(experts.gate == .plain(.silu) && !experts.hasBias)
    #expect(!graph.nodes.contains { $0.name.hasSuffix("mlp.gate_proj") })
  }
}
