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
  let parameters = GPT2Parameters(config, transposed: transposed)
  let (ids, positions, mask) = (graph.input(.ids), graph.input(.positions), graph.input(.mask))
  let norm = LayerNorm(epsilon: config.layerNormEpsilon)

  let token = graph.add("wte", Embedding(), [ids], [parameters.tokenEmbedding])
  let position = graph.add("wpe", Embedding(), [positions], [parameters.positionEmbedding])
  var hidden = graph.add("embed", Add(), [token, position])
  graph.name(hidden, "hidden_states.0")

  for block in 0..<config.blockCount {
    let name = "h.\(block)"
    let attention = Attention.fused(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: attentionScale(config, block: block), isCausal: true, cacheSlot: block)
    let cache = graph.input(.cache(block, width: attention.keys.width))

    let norm1 = graph.add(
      "\(name).ln_1", norm, [hidden], parameters.norm(.attentionNormGain, .attentionNormBias, block))
    let qkv = graph.linear("\(name).attn.c_attn", norm1, parameters.attentionInput(block))
    let attended = graph.add("\(name).attn", attention, [qkv, mask, cache])
    let projected = graph.linear("\(name).attn.c_proj", attended, parameters.attentionOutput(block))
    hidden = graph.add("\(name).attn.add", Add(), [hidden, projected])

    let norm2 = graph.add(
      "\(name).ln_2", norm, [hidden], parameters.norm(.feedForwardNormGain, .feedForwardNormBias, block))
    let expanded = graph.linear("\(name).mlp.c_fc", norm2, parameters.feedForwardInput(block))
    let activated = graph.add("\(name).mlp.act", Activation(config.activation), [expanded])
    let contracted = graph.linear("\(name).mlp.c_proj", activated, parameters.feedForwardOutput(block))
    hidden = graph.add("\(name).mlp.add", Add(), [hidden, contracted])
    if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
  }

  hidden = graph.add("ln_f", norm, [hidden], parameters.norm(.finalNormGain, .finalNormBias))
  // As transformers returns them, the last hidden state is the one behind the final layer norm.
  graph.name(hidden, "hidden_states.\(config.blockCount)")
  graph.name(hidden, "last_hidden_state")
  let head = config.tiesHead ? parameters.tokenEmbedding : parameters.head
  let logits = graph.linear("lm_head", hidden, [head])
  graph.name(logits, "logits")
  return graph.build(architecture: "gpt2", config: config)
}

/// What scores of a block are multiplied with: `1/√E`, and `1/(i + 1)` where the config asks for it.
private func attentionScale(_ config: ModelConfig, block: Int) -> Double {
  var scale = 1.0
  if config[.scalesAttention] { scale /= Double(config.headDimension).squareRoot() }
  if config[.scalesAttentionByBlock] { scale /= Double(block + 1) }
  return scale
}

/// GPT-2's parameters.
///
/// Weights start with the deviation 0.02, and those that write to the residual stream with `0.02 / √N`, N being the
/// number of residual additions, two a block. Gains start as 1, biases as 0.
///
/// - SeeAlso: Radford et al., 2019, section 2.3; huggingface/transformers, `GPT2PreTrainedModel._init_weights`.
private struct GPT2Parameters {
  private let declare: ParameterDeclarations
  private let config: ModelConfig
  private let weight = Initialization.normal(deviation: 0.02)
  private let residual: Initialization

  init(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) {
    self.config = config
    declare = ParameterDeclarations(layout: .inOut, transposed: transposed)
    residual = .normal(deviation: 0.02 / Double(2 * config.blockCount).squareRoot())
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "n_embd") }
  private var wide: ParameterDeclarations.Dimension { (config.feedForwardWidth, "n_inner") }
  private var triple: ParameterDeclarations.Dimension { (3 * config.width, "3 · n_embd") }
  private var vocabulary: ParameterDeclarations.Dimension { (config.vocabularySize, "vocab_size") }
  private var positions: ParameterDeclarations.Dimension { (config.contextLength, "n_positions") }

  var tokenEmbedding: GraphParameter {
    declare.table(.tokenEmbedding, rows: vocabulary, width: width, isQuantizable: true, weight)
  }
  var head: GraphParameter {
    declare.table(.head, rows: vocabulary, width: width, isQuantizable: true, weight)
  }
  var positionEmbedding: GraphParameter {
    declare.table(.positionEmbedding, rows: positions, width: width, isQuantizable: false, weight)
  }

  func norm(_ gain: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int? = nil) -> [GraphParameter] {
    declare.norm(gain, bias, block, width)
  }

  func attentionInput(_ block: Int) -> [GraphParameter] {
    declare.affine(.attentionInputWeight, .attentionInputBias, block, from: width, to: triple, weight)
  }

  func attentionOutput(_ block: Int) -> [GraphParameter] {
    declare.affine(.attentionOutputWeight, .attentionOutputBias, block, from: width, to: width, residual)
  }

  func feedForwardInput(_ block: Int) -> [GraphParameter] {
    declare.affine(.feedForwardInputWeight, .feedForwardInputBias, block, from: width, to: wide, weight)
  }

  func feedForwardOutput(_ block: Int) -> [GraphParameter] {
    declare.affine(.feedForwardOutputWeight, .feedForwardOutputBias, block, from: wide, to: width, residual)
  }
}
