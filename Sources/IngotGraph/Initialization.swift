// SPDX-License-Identifier: Apache-2.0
// How the parameters of an untrained model start out.
import IngotCore

/// How a parameter starts out.
public enum Initialization: Hashable, Sendable {
  /// The same number everywhere.
  case constant(Double)
  /// Normal deviates with mean 0 and this deviation.
  case normal(deviation: Double)
}

extension ModelGraph {
  /// How a parameter starts out in the GPT-2 paper and its code.
  ///
  /// Weights have the deviation 0.02, and those that write to the residual stream `0.02 / √N`, N being the number of
  /// residual additions, two a block. Gains are 1, biases 0.
  ///
  /// - Parameter role: the parameter.
  /// - Returns: its initialization.
  /// - SeeAlso: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.3;
  ///   huggingface/transformers, `GPT2PreTrainedModel._init_weights`.
  public func initialization(of role: TensorRole) -> Initialization {
    let deviation = 0.02
    switch role.kind {
    case .attentionOutputWeight, .feedForwardOutputWeight:
      return .normal(deviation: deviation / Double(2 * config.blockCount).squareRoot())
    case .attentionNormGain, .feedForwardNormGain, .finalNormGain:
      return .constant(1)
    case .tokenEmbedding, .positionEmbedding, .attentionInputWeight, .feedForwardInputWeight, .head:
      return .normal(deviation: deviation)
    case .attentionNormBias, .attentionInputBias, .attentionOutputBias, .feedForwardNormBias,
      .feedForwardInputBias, .feedForwardOutputBias, .finalNormBias:
      return .constant(0)
    }
  }
}
