// SPDX-License-Identifier: Apache-2.0
// What GPT-1 and GPT-2 have parameters for: both have the same, laid out alike.
import IngotCore

/// The parameters of GPT-1 and GPT-2.
///
/// Weights start with the deviation 0.02, gains as 1, biases as 0.
///
/// - SeeAlso: huggingface/transformers, `OpenAIGPTPreTrainedModel._init_weights` and `GPT2PreTrainedModel._init_weights`.
struct GPTParameters {
  private let declare: ParameterDeclarations
  private let config: ModelConfig
  private let wide: ParameterDeclarations.Dimension
  private let weight = Initialization.normal(deviation: 0.02)
  private let residual: Initialization

  /// Declares them.
  ///
  /// - Parameters:
  ///   - config: the numbers.
  ///   - transposed: kinds of linear weights that are stored `[out, in]`.
  ///   - feedForwardWidth: F.
  ///   - residualDeviation: how weights start that write to the residual stream.
  init(
    _ config: ModelConfig, transposed: Set<TensorRole.Kind>, feedForwardWidth: Int, residualDeviation: Double
  ) {
    self.config = config
    wide = (feedForwardWidth, "n_inner")
    declare = ParameterDeclarations(layout: .inOut, transposed: transposed)
    residual = .normal(deviation: residualDeviation)
  }

  private var width: ParameterDeclarations.Dimension { (config.width, "n_embd") }
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

  var score: GraphParameter { declare.head(.scoreWeight, from: width, to: config.labels, weight) }
  var summary: [GraphParameter] {
    [
      declare.head(.summaryWeight, from: width, to: (1, "1"), weight),
      declare.vector(.summaryBias, nil, (1, "1"), .constant(0)),
    ]
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
