// SPDX-License-Identifier: Apache-2.0
// What is wrong with a graph itself is found before its tensors are looked at.
import IngotCore
import IngotGraph
import Testing

@Suite struct GraphValidatorTests {
  @Test func `nodes that do not fit together are errors at their names`() {
    // Four heads of one: attention takes 12 of the 18 that a width of 6 gives.
    let graph = Architecture.gpt2.graph(
      ModelConfig.gpt2(vocabularySize: 5, contextLength: 4, width: 6, blockCount: 1, headCount: 4))
    let parameters = graph.parameters.map {
      ($0.role, BoundTensor(name: $0.role.description, dtype: .f32, shape: $0.shape))
    }
    let findings = GraphValidator(graph, name: \.description).findings(
      for: Dictionary(uniqueKeysWithValues: parameters), unexpected: [])
    #expect(findings.first?.kind == .graph && findings.first?.subject == "h.0.attn")
    #expect(findings.allSatisfy { $0.kind == .graph && $0.severity == .error })
  }

  @Test func `a tensor is missing, of another shape or dtype, or too many`() {
    let graph = Architecture.gpt2.graph(
      ModelConfig.gpt2(vocabularySize: 5, contextLength: 4, width: 6, blockCount: 1, headCount: 2))
    var tensors: [TensorRole: BoundTensor] = [:]
    for parameter in graph.parameters {
      tensors[parameter.role] = BoundTensor(
        name: parameter.role.description, dtype: .f32, shape: parameter.shape)
    }
    tensors[TensorRole(.tokenEmbedding)] = nil
    tensors[TensorRole(.positionEmbedding)]?.shape = [6, 4]
    tensors[TensorRole(.finalNormGain)]?.dtype = .u16
    let findings = GraphValidator(graph, name: \.description).findings(for: tensors, unexpected: ["x"])
    #expect(findings.map(\.kind) == [.missing, .wrongShape, .wrongDType, .unexpected])
  }
}
