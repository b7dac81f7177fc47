// SPDX-License-Identifier: Apache-2.0
// Channels that are divided by powers of two, with weights multiplied by them: in every family the same numbers to the bit.
// The division is of Xiao et al., "SmoothQuant", 2023, section 4, whose places the table lists.
import IngotDialects
import IngotGraph
import IngotKernels
import IngotModels
import IngotRuntime
import IngotTestSupport
import Testing

@Suite struct ChannelScalingTests {
  @Test(arguments: GradientFixture.all)
  func `a model computes the same to the bit, whatever the powers are`(_ fixture: GradientFixture) throws {
    let contents = try fixture.load()
    let graph = contents.model.recognised.graph
    var scaling = ChannelScaling()
    for (number, input) in graph.scalableInputs.enumerated() {
      scaling.divide(
        input, by: ChannelPowers(exponents: (0..<input.width).map { ($0 * 7 + number) % 11 - 5 }))
    }
    #expect(scaling.inputCount == graph.scalableInputs.count)
    let scaled = contents.model.scaled(by: scaling)
    let (before, after) = (
      try ReferenceExecutor(graph, try loadWeights(contents.model)).gradients(contents.request),
      try ReferenceExecutor(graph, try loadWeights(scaled)).gradients(contents.request)
    )
    #expect(before.loss == after.loss)
    // What no channel was divided of has the same gradient, and hidden states have.
    #expect(before.values.mapValues(\.values) == after.values.mapValues(\.values))
    for input in graph.scalableInputs {
      for role in input.takers {
        #expect(before.parameters[role]?.values != after.parameters[role]?.values)
      }
    }
  }

  @Test(
    arguments: [
      ("models/head-of-7", [.attentionNormGain, .feedForwardNormGain]),
      ("models/activation-relu", [.attentionNormGain, .feedForwardNormGain, .feedForwardInputWeight]),
      ("models/activation-relu2", [.attentionNormGain, .feedForwardNormGain]),
      ("llama/grouped-tied", [.attentionNormGain, .feedForwardNormGain, .feedForwardInputWeight]),
      ("phi3/grouped", [.attentionNormGain, .feedForwardNormGain, .feedForwardGateUpWeight]),
      ("gpt_neox/parallel", [.attentionNormGain, .feedForwardNormGain]),
      ("opt/before", [.attentionNormGain, .feedForwardNormGain, .feedForwardInputWeight]),
      // Its norms add 1 to their gains.
      ("gemma/grouped", [.feedForwardInputWeight]),
      // What its norms give is added to, too.
      ("bert/bare", []), ("bert/activation-relu", [.feedForwardInputWeight]),
      // Experts and their router take what the second norm gives.
      ("mixtral/grouped", [.attentionNormGain]),
    ] as [(String, Set<TensorRole.Kind>)])
  func `inputs are those of products alone that a norm, a gate or a rectifier gives`(
    _ folder: String, _ kinds: Set<TensorRole.Kind>
  ) throws {
    let graph = try Model(Fixture.path(folder)).recognised.graph
    let inputs = graph.scalableInputs
    #expect(Set(inputs.compactMap { $0.givers.first?.role.kind }) == kinds)
    #expect(inputs.count == kinds.count * graph.config.blockCount)
    for input in inputs where input.givers.contains(where: { $0.role.kind == .feedForwardGateUpWeight }) {
      #expect(input.givers.allSatisfy { $0.firstOutput == input.width })
    }
  }
}
