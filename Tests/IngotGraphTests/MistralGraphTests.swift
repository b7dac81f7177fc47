// SPDX-License-Identifier: Apache-2.0
// Mistral's graph is the paper's: Llama's with a window. Jiang et al., "Mistral 7B", 2023.
import IngotCore
import IngotGraph
import Testing

@Suite struct MistralGraphTests {
  /// As the model card of mistralai/Mistral-7B-v0.1 counts them.
  @Test func `the published model has 7,241,732,096 parameters, and a window of 4,096 tokens`() throws {
    let preset = try #require(ModelPreset.named("mistral-7b"))
    let graph = Architecture.mistral.graph(Architecture.mistral.config(of: preset))
    #expect(graph.parameterCount == 7_241_732_096)
    for node in graph.nodes {
      guard let attention = node.operation as? Attention else { continue }
      #expect(attention.window == 4096 && attention.groupSize == 4)
    }
  }

  @Test func `a token of a window of three sees itself and two before`() {
    let attention = Attention.separate(headCount: 1, headDimension: 2, scale: 1, isCausal: true, window: 3)
    #expect((0..<6).map { attention.firstVisible(behind: $0) } == [0, 0, 0, 1, 2, 3])
    let whole = Attention.separate(headCount: 1, headDimension: 2, scale: 1, isCausal: true)
    #expect((0..<6).map { whole.firstVisible(behind: $0) } == [0, 0, 0, 0, 0, 0])
  }
}
