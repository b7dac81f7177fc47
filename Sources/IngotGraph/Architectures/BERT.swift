// SPDX-License-Identifier: Apache-2.0
// BERT: a Transformer encoder with layer norm behind the residual addition of each sub-block, and its heads.
// Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2019;
// google-research/bert: modeling.py; huggingface/transformers: src/transformers/models/bert/modeling_bert.py.
import IngotCore

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension TensorRole.Kind {
  package static let tokenTypeEmbedding = Self("embedding.token_type")
  package static let embeddingNormGain = Self("embedding.norm.gain")
  package static let embeddingNormBias = Self("embedding.norm.bias")
  package static let queryWeight = Self("attention.query.weight")
  package static let queryBias = Self("attention.query.bias")
  package static let keyWeight = Self("attention.key.weight")
  package static let keyBias = Self("attention.key.bias")
  package static let valueWeight = Self("attention.value.weight")
  package static let valueBias = Self("attention.value.bias")
  package static let poolerWeight = Self("pooler.weight")
  package static let poolerBias = Self("pooler.bias")
  package static let predictionWeight = Self("prediction.weight")
  package static let predictionBias = Self("prediction.bias")
  package static let predictionNormGain = Self("prediction.norm.gain")
  package static let predictionNormBias = Self("prediction.norm.bias")
  package static let headBias = Self("head.bias")
  package static let decoderBias = Self("head.decoder.bias")
  package static let relationWeight = Self("next_sentence.weight")
  package static let relationBias = Self("next_sentence.bias")
  package static let classifierWeight = Self("classifier.weight")
  package static let classifierBias = Self("classifier.bias")
}

/// Builds BERT.
///
/// ```
/// h = norm(word[x] + position[i] + type[s])
/// for each block:  a = norm(h + attention(h));  h = norm(a + mlp(a))
/// pooled = tanh(pooler(h[first token]))
/// ```
///
/// - Parameters:
///   - config: its numbers and its head.
///   - transposed: kinds of linear weights that are stored `[in, out]`; transformers has them `[out, in]`.
/// - Returns: the graph.
@Sendable
func bertGraph(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) -> ModelGraph {
  var bert = BERTBuilder(config, transposed: transposed)
  bert.addEncoder()
  bert.addHead(BERTHead(rawValue: config[.head]) ?? .bare)
  return bert.graph.build(architecture: "bert", config: config)
}

private struct BERTBuilder {
  private(set) var graph = GraphBuilder()
  private let config: ModelConfig
  private let declare: ParameterDeclarations
  private let norm: LayerNorm
  /// huggingface/transformers, `BertPreTrainedModel._init_weights`; the paper's code truncates at two deviations.
  private let weight = Initialization.normal(deviation: 0.02)
  private var hidden: EdgeID

  init(_ config: ModelConfig, transposed: Set<TensorRole.Kind>) {
    self.config = config
    declare = ParameterDeclarations(layout: .outIn, transposed: transposed)
    norm = LayerNorm(epsilon: config.layerNormEpsilon)
    hidden = graph.input(.ids)
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "hidden_size") }
  private var wide: ParameterDeclarations.Dimension { (config.feedForwardWidth, "intermediate_size") }
  private var vocabulary: ParameterDeclarations.Dimension { (config.vocabularySize, "vocab_size") }

  private var wordEmbedding: GraphParameter {
    declare.table(.tokenEmbedding, rows: vocabulary, width: width, isQuantizable: true, weight)
  }

  mutating func addEncoder() {
    addEmbeddings()
    graph.name(hidden, "hidden_states.0")
    for block in 0..<config.blockCount {
      addAttention(block)
      addFeedForward(block)
      graph.name(hidden, "hidden_states.\(block + 1)")
    }
    graph.name(hidden, "last_hidden_state")
  }

  private mutating func addEmbeddings() {
    let (ids, positions, types) = (graph.input(.ids), graph.input(.positions), graph.input(.tokenTypes))
    func table(_ kind: TensorRole.Kind, _ rows: Int, _ name: String) -> GraphParameter {
      declare.table(kind, rows: (rows, name), width: width, isQuantizable: false, weight)
    }
    let word = graph.add("embeddings.word_embeddings", Embedding(), [ids], [wordEmbedding])
    let position = graph.add(
      "embeddings.position_embeddings", Embedding(), [positions],
      [table(.positionEmbedding, config.contextLength, "max_position_embeddings")])
    let type = graph.add(
      "embeddings.token_type_embeddings", Embedding(), [types],
      [table(.tokenTypeEmbedding, config[.tokenTypeCount], "type_vocab_size")])
    let typed = graph.add("embeddings.add_type", Add(), [word, type])
    let sum = graph.add("embeddings.add_position", Add(), [typed, position])
    hidden = graph.add(
      "embeddings.LayerNorm", norm, [sum], declare.norm(.embeddingNormGain, .embeddingNormBias, nil, width))
  }

  private mutating func addAttention(_ block: Int) {
    let name = "encoder.layer.\(block).attention"
    func part(_ weightKind: TensorRole.Kind, _ bias: TensorRole.Kind) -> [GraphParameter] {
      declare.affine(weightKind, bias, block, from: width, to: width, weight)
    }
    let attention = Attention.separate(
      headCount: config.headCount, headDimension: config.headDimension,
      scale: 1 / Double(config.headDimension).squareRoot(), isCausal: false)
    let query = graph.linear("\(name).self.query", hidden, part(.queryWeight, .queryBias))
    let key = graph.linear("\(name).self.key", hidden, part(.keyWeight, .keyBias))
    let value = graph.linear("\(name).self.value", hidden, part(.valueWeight, .valueBias))
    let attended = graph.addAttention("\(name).self", attention, [query, key, value])
    let projected = graph.linear(
      "\(name).output.dense", attended, part(.attentionOutputWeight, .attentionOutputBias))
    let sum = graph.add("\(name).output.add", Add(), [hidden, projected])
    hidden = graph.add(
      "\(name).output.LayerNorm", norm, [sum],
      declare.norm(.attentionNormGain, .attentionNormBias, block, width))
  }

  private mutating func addFeedForward(_ block: Int) {
    let name = "encoder.layer.\(block)"
    let expanded = graph.linear(
      "\(name).intermediate.dense", hidden,
      declare.affine(.feedForwardInputWeight, .feedForwardInputBias, block, from: width, to: wide, weight))
    let activated = graph.add("\(name).intermediate.act", Activation(config.activation), [expanded])
    let contracted = graph.linear(
      "\(name).output.dense", activated,
      declare.affine(.feedForwardOutputWeight, .feedForwardOutputBias, block, from: wide, to: width, weight))
    let sum = graph.add("\(name).output.add", Add(), [hidden, contracted])
    hidden = graph.add(
      "\(name).output.LayerNorm", norm, [sum],
      declare.norm(.feedForwardNormGain, .feedForwardNormBias, block, width))
  }

  mutating func addHead(_ head: BERTHead) {
    let pooled = config[.hasPooler] || head.needsPooler ? addPooler() : nil
    if head.predictsTokens { addPrediction() }
    if head.relatesSentences, let pooled {
      let parameters = declare.affine(.relationWeight, .relationBias, from: width, to: (2, "2"), weight)
      let logits = graph.linear("cls.seq_relationship", pooled, parameters)
      graph.name(logits, "seq_relationship_logits")
      if !head.predictsTokens { graph.name(logits, "logits") }
    }
    if head.classifies {
      let parameters = declare.affine(
        .classifierWeight, .classifierBias, from: width, to: config.labels, weight)
      let input = head == .sequenceClassification ? pooled ?? hidden : hidden
      graph.name(graph.linear("classifier", input, parameters), "logits")
    }
  }

  private mutating func addPooler() -> EdgeID {
    let first = graph.add("pooler.first", SelectToken(.first), [hidden])
    let dense = graph.linear(
      "pooler.dense", first, declare.affine(.poolerWeight, .poolerBias, from: width, to: width, weight))
    let pooled = graph.add("pooler.tanh", Activation(.tanh), [dense])
    graph.name(pooled, "pooler_output")
    return pooled
  }

  /// Tokens for masked ones: `norm(act(dense(h))) · wordᵀ + bias`.
  private mutating func addPrediction() {
    let name = "cls.predictions"
    let dense = graph.linear(
      "\(name).transform.dense", hidden,
      declare.affine(.predictionWeight, .predictionBias, from: width, to: width, weight))
    let activated = graph.add("\(name).transform.act", Activation(config.activation), [dense])
    let normed = graph.add(
      "\(name).transform.LayerNorm", norm, [activated],
      declare.norm(.predictionNormGain, .predictionNormBias, nil, width))
    let head =
      config.tiesHead
      ? wordEmbedding : declare.table(.head, rows: vocabulary, width: width, isQuantizable: true, weight)
    // Of a head of its own the decoder's bias is used, and the tied one by nothing.
    let bias = declare.vector(config.tiesHead ? .headBias : .decoderBias, nil, vocabulary, .constant(0))
    let logits = graph.linear("\(name).decoder", normed, [head, bias])
    graph.name(logits, "prediction_logits")
    graph.name(logits, "logits")
  }
}
