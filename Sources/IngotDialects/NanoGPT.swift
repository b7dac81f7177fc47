// SPDX-License-Identifier: Apache-2.0
// The names of Karpathy's nanoGPT: transformers' own, but linear weights are nn.Linear's, `[out, in]`, a model may have
// no biases at all, and the head is stored though tied. karpathy/nanoGPT: model.py, train.py.
import IngotGraph

extension Dialect {
  /// GPT-2 as nanoGPT names it.
  static let nanoGPT = Dialect(
    id: "nanogpt",
    architecture: "gpt2",
    wrappers: pytorchWrappers,
    prefixes: ["transformer."],
    parameters: huggingFaceRows(linear: .transposed) + [(.head, "lm_head.weight", .asIs)],
    unprefixed: [.head],
    buffers: maskBuffers,
    // What train.py keeps beside the model.
    leftovers: trainingLeftovers + ["best_val_loss", "iter_num"],
    // `bias: false` leaves all of them out.
    zeroWhenAbsent: [
      .attentionNormBias, .attentionInputBias, .attentionOutputBias, .feedForwardNormBias,
      .feedForwardInputBias,
      .feedForwardOutputBias, .finalNormBias,
    ],
    storesTiedHead: true,
    // Its checkpoint does not name the activation; its code since 2023 has the exact GELU.
    fixed: FixedValue.gpt2Code(activation: "gelu") + [.gpt2Epsilon, .tiedHead],
    config: ConfigPlace(carrier: .object("model_args"), form: .nanoGPT, format: "pytorch"),
    marks: [FileMark("model_args")],
    // The checkpoint keeps the parameters in a dictionary of their own.
    writtenWrappers: ["pytorch": "model."])
}
