// SPDX-License-Identifier: Apache-2.0
// GPT-2: a Transformer decoder with layer norm at the input of each sub-block and once more after the last block.
// Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.3; openai/gpt-2: src/model.py.
import IngotCore

/// Builds GPT-2.
///
/// ```
/// h = wte[x] + wpe[position]
/// for each block:  h = h + attention(ln_1(h));  h = h + mlp(ln_2(h))
/// logits = ln_f(h) · wteᵀ
/// ```
///
/// - Parameters:
///   - config: its numbers; the vocabulary is 50,257 and the context 1,024 in the paper.
///   - transposed: kinds of linear weights that are stored `[out, in]`; they are `[in, out]` in the paper's code.
/// - Returns: the graph.
func gpt2Graph(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) -> ModelGraph {
  var graph = GraphBuilder()
  // Radford et al., 2019, section 2.3: 1/√N, N being the number of residual additions, two a block.
  let residual = 0.02 / Double(2 * config.blockCount).squareRoot()
  let parameters = GPTParameters(
    config, transposed: transposed, feedForwardWidth: config.feedForwardWidth, residualDeviation: residual)
  let norm = LayerNorm(epsilon: config.layerNormEpsilon)

  var hidden = graph.addEmbeddings(token: "wte", position: "wpe", config, parameters)
  graph.name(hidden, "hidden_states.0")

  for block in 0..<config.blockCount {
    let name = "h.\(block)"
    let norm1 = graph.add(
      "\(name).ln_1", norm, [hidden], parameters.norm(.attentionNormGain, .attentionNormBias, block))
    let attended = graph.addAttention(
      norm1, block: block, scale: attentionScale(config, block: block), config, parameters)
    hidden = graph.add("\(name).attn.add", Add(), [hidden, attended])

    let norm2 = graph.add(
      "\(name).ln_2", norm, [hidden], parameters.norm(.feedForwardNormGain, .feedForwardNormBias, block))
    let contracted = graph.addFeedForward(norm2, block: block, config, parameters)
    hidden = graph.add("\(name).mlp.add", Add(), [hidden, contracted])
    if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
  }

  hidden = graph.add("ln_f", norm, [hidden], parameters.norm(.finalNormGain, .finalNormBias))
  // As transformers returns them, the last hidden state is the one behind the final layer norm.
  graph.name(hidden, "hidden_states.\(config.blockCount)")
  graph.name(hidden, "last_hidden_state")
  graph.addHead(hidden, config, parameters)
  return graph.build(architecture: "gpt2", config: config)
}

/// What scores of a block are multiplied with: `1/√E`, and `1/(i + 1)` where the config asks for it.
private func attentionScale(_ config: ModelConfig, block: Int) -> Double {
  var scale = 1.0
  if config[.scalesAttention] { scale /= Double(config.headDimension).squareRoot() }
  if config[.scalesAttentionByBlock] { scale /= Double(block + 1) }
  return scale
}
