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
///   - layout: how linear weights are stored; `[in, out]` in the paper's code.
/// - Returns: the graph.
@Sendable
public func gpt2(_ config: ModelConfig, layout: WeightLayout = .inOut) -> ModelGraph {
  var graph = GraphBuilder(blockCount: config.blockCount)
  let parameters = GPT2Parameters(config, layout)

  let token = graph.add("wte", .embedding, [graph.inputs.ids], [parameters.tokenEmbedding])
  let position = graph.add("wpe", .embedding, [graph.inputs.positions], [parameters.positionEmbedding])
  var hidden = graph.add("embed", .add, [token, position])
  graph.name(hidden, "hidden_states.0")

  for block in 0..<config.blockCount {
    let name = "h.\(block)"
    let attention = AttentionAttributes(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: attentionScale(config, block: block), isCausal: true, cacheSlot: block)

    let norm1 = graph.add(
      "\(name).ln_1", .layerNorm(epsilon: config.layerNormEpsilon), [hidden],
      parameters.norm(.attentionNormGain, .attentionNormBias, block))
    let qkv = graph.add(
      "\(name).attn.c_attn", .linear(weightLayout: layout, hasBias: true), [norm1],
      parameters.attentionInput(block))
    let attended = graph.add(
      "\(name).attn", .attention(attention), [qkv, graph.inputs.mask, graph.inputs.caches[block]])
    let projected = graph.add(
      "\(name).attn.c_proj", .linear(weightLayout: layout, hasBias: true), [attended],
      parameters.attentionOutput(block))
    hidden = graph.add("\(name).attn.add", .add, [hidden, projected])

    let norm2 = graph.add(
      "\(name).ln_2", .layerNorm(epsilon: config.layerNormEpsilon), [hidden],
      parameters.norm(.feedForwardNormGain, .feedForwardNormBias, block))
    let expanded = graph.add(
      "\(name).mlp.c_fc", .linear(weightLayout: layout, hasBias: true), [norm2],
      parameters.feedForwardInput(block))
    let activated = graph.add("\(name).mlp.act", .activation(config.activation), [expanded])
    let contracted = graph.add(
      "\(name).mlp.c_proj", .linear(weightLayout: layout, hasBias: true), [activated],
      parameters.feedForwardOutput(block))
    hidden = graph.add("\(name).mlp.add", .add, [hidden, contracted])
    if block < config.blockCount - 1 { graph.name(hidden, "hidden_states.\(block + 1)") }
  }

  hidden = graph.add(
    "ln_f", .layerNorm(epsilon: config.layerNormEpsilon), [hidden],
    parameters.norm(.finalNormGain, .finalNormBias))
  // As transformers returns them, the last hidden state is the one behind the final layer norm.
  graph.name(hidden, "hidden_states.\(config.blockCount)")
  graph.name(hidden, "last_hidden_state")
  let head = config.tiesHead ? parameters.tokenEmbedding : parameters.head
  let logits = graph.add("lm_head", .linear(weightLayout: .outIn, hasBias: false), [hidden], [head])
  graph.name(logits, "logits")
  return graph.build(architecture: "gpt2", config: config)
}

/// What scores of a block are multiplied with: `1/√E`, and `1/(i + 1)` where the config asks for it.
private func attentionScale(_ config: ModelConfig, block: Int) -> Double {
  var scale = 1.0
  if config.scalesAttention { scale /= Double(config.headDimension).squareRoot() }
  if config.scalesAttentionByBlock { scale /= Double(block + 1) }
  return scale
}

/// The shapes of GPT-2's parameters.
private struct GPT2Parameters {
  private let config: ModelConfig
  private let layout: WeightLayout

  init(_ config: ModelConfig, _ layout: WeightLayout) {
    self.config = config
    self.layout = layout
  }

  /// A linear weight, `[in, out]` or `[out, in]`.
  private func weight(
    _ kind: TensorRole.Kind, _ block: Int, _ input: (Int, String), _ output: (Int, String)
  ) -> GraphParameter {
    layout == .inOut
      ? matrix(kind, block, input, output, axis: 1) : matrix(kind, block, output, input, axis: 0)
  }

  private func matrix(
    _ kind: TensorRole.Kind, _ block: Int?, _ rows: (Int, String), _ columns: (Int, String), axis: Int?,
    isQuantizable: Bool = true
  ) -> GraphParameter {
    GraphParameter(
      TensorRole(kind, block: block), shape: Shape([rows.0, columns.0]) ?? .scalar,
      dimensionNames: [rows.1, columns.1], outputAxis: axis, isQuantizable: isQuantizable)
  }

  private func vector(_ kind: TensorRole.Kind, _ block: Int?, _ count: (Int, String)) -> GraphParameter {
    GraphParameter(
      TensorRole(kind, block: block), shape: Shape([count.0]) ?? .scalar, dimensionNames: [count.1])
  }

  private var width: (Int, String) { (config.width, "n_embd") }
  private var wide: (Int, String) { (config.feedForwardWidth, "n_inner") }
  private var triple: (Int, String) { (3 * config.width, "3 · n_embd") }
  private var vocabulary: (Int, String) { (config.vocabularySize, "vocab_size") }

  var tokenEmbedding: GraphParameter { matrix(.tokenEmbedding, nil, vocabulary, width, axis: 0) }
  var head: GraphParameter { matrix(.head, nil, vocabulary, width, axis: 0) }
  var positionEmbedding: GraphParameter {
    matrix(
      .positionEmbedding, nil, (config.contextLength, "n_positions"), width, axis: nil, isQuantizable: false)
  }

  func norm(_ gain: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int? = nil) -> [GraphParameter] {
    [vector(gain, block, width), vector(bias, block, width)]
  }

  func attentionInput(_ block: Int) -> [GraphParameter] {
    [weight(.attentionInputWeight, block, width, triple), vector(.attentionInputBias, block, triple)]
  }

  func attentionOutput(_ block: Int) -> [GraphParameter] {
    [weight(.attentionOutputWeight, block, width, width), vector(.attentionOutputBias, block, width)]
  }

  func feedForwardInput(_ block: Int) -> [GraphParameter] {
    [weight(.feedForwardInputWeight, block, width, wide), vector(.feedForwardInputBias, block, wide)]
  }

  func feedForwardOutput(_ block: Int) -> [GraphParameter] {
    [weight(.feedForwardOutputWeight, block, wide, width), vector(.feedForwardOutputBias, block, width)]
  }
}
