// SPDX-License-Identifier: Apache-2.0
// The names of Llama, Mistral, Qwen, SmolLM3, Gemma and Phi-3 in Hugging Face's transformers, with `model.` (saved from a class
// with a head) and without. Matrices are `[out, in]`, and the numbers that are turned together stand half a head apart: the
// order that others are held against.
// huggingface/transformers: src/transformers/models/llama/modeling_llama.py, gemma3/modeling_gemma3.py, phi3/modeling_phi3.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as transformers names it.
  static let huggingFaceLlama = huggingFaceDecoder("llama")
  /// Mistral as transformers names it.
  static let huggingFaceMistral = huggingFaceDecoder("mistral")
  /// Qwen2 as transformers names it.
  static let huggingFaceQwen2 = huggingFaceDecoder("qwen2")
  /// Qwen3 as transformers names it.
  static let huggingFaceQwen3 = huggingFaceDecoder("qwen3", rows: normedDecoderRows)
  /// SmolLM3 as transformers names it.
  static let huggingFaceSmolLM3 = huggingFaceDecoder("smollm3")
  /// Gemma 1 as transformers names it.
  static let huggingFaceGemma = huggingFaceDecoder("gemma")
  /// Gemma 2 as transformers names it.
  static let huggingFaceGemma2 = huggingFaceDecoder("gemma2", rows: gemma2Rows)
  /// Gemma 3's language model as transformers names it, alone and beside the part for images.
  static let huggingFaceGemma3 = huggingFaceDecoder(
    "gemma3_text", rows: gemma3Rows, parts: ["language_model."], prefixes: ["model.language_model."],
    imageParts: ["vision_tower.*", "multi_modal_projector.*"].flatMap { [$0, "model.\($0)"] })
  /// Phi-3 as transformers names it.
  static let huggingFacePhi3 = huggingFaceDecoder("phi3", rows: fusedDecoderRows)

  /// A decoder's names.
  ///
  /// - Parameters:
  ///   - architecture: the architecture.
  ///   - rows: the names of all parameters but the head.
  ///   - parts: what stands before all names of a model that is one of several in a file.
  ///   - prefixes: what stands before all names but the head's, in later files of such models.
  ///   - imageParts: names of the others.
  ///   - variant: what tells it from the one that is written.
  /// - Returns: the dialect.
  static func huggingFaceDecoder(
    _ architecture: String, rows: [Parameter] = decoderRows, parts: [String] = [], prefixes: [String] = [],
    imageParts: [String] = [], variant: String? = nil
  ) -> Dialect {
    Dialect(
      id: "hf",
      architecture: architecture,
      variant: variant,
      wrappers: pytorchWrappers.filter { $0 != "model." } + parts,
      prefixes: ["model.", ""] + prefixes,
      parameters: rows + [(.head, "lm_head.weight", .asIs), (.scoreWeight, "score.weight", .asIs)],
      unprefixed: [.head, .scoreWeight],
      // Files of older versions keep the frequencies.
      buffers: ["layers.{block}.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
      leftovers: trainingLeftovers,
      otherParts: imageParts,
      marks: [FileMark("format", "pt", writtenIn: "safetensors")])
  }

  /// The rows of all parameters but the head, which mlx-lm shares.
  static let decoderRows: [Parameter] = decoderStart + attentionRows + feedForwardRows + decoderEnd

  /// The same with norms of heads, in which Qwen3 differs; rows of blocks stand together.
  static let normedDecoderRows: [Parameter] =
    decoderStart + attentionRows + feedForwardRows + headNormRows + decoderEnd

  /// The same with norms behind sub-blocks, of which the first has the name that is the second one's elsewhere.
  static let gemma2Rows: [Parameter] =
    decoderStart + attentionRows + outputNormRows + feedForwardRows.dropFirst() + decoderEnd

  /// The same with norms of heads.
  static let gemma3Rows: [Parameter] =
    decoderStart + attentionRows + outputNormRows + feedForwardRows.dropFirst() + headNormRows + decoderEnd

  /// The same with projections side by side.
  static let fusedDecoderRows: [Parameter] =
    decoderStart + [
      (.attentionInputWeight, "layers.{block}.self_attn.qkv_proj.weight", .asIs),
      (.attentionOutputWeight, "layers.{block}.self_attn.o_proj.weight", .asIs),
      (.feedForwardNormGain, "layers.{block}.post_attention_layernorm.weight", .asIs),
      (.feedForwardGateUpWeight, "layers.{block}.mlp.gate_up_proj.weight", .asIs),
      (.feedForwardOutputWeight, "layers.{block}.mlp.down_proj.weight", .asIs),
    ] + decoderEnd

  /// The rows of a decoder some of whose blocks have experts.
  ///
  /// - Parameters:
  ///   - experts: those of routers and experts.
  ///   - others: those of what stands in a block beside.
  /// - Returns: the rows.
  static func decoderRows(around experts: [Parameter], beside others: [Parameter]) -> [Parameter] {
    decoderStart + attentionRows + feedForwardRows + others + experts + decoderEnd
  }

  private static let decoderStart: [Parameter] = [
    (.tokenEmbedding, "embed_tokens.weight", .asIs),
    (.attentionNormGain, "layers.{block}.input_layernorm.weight", .asIs),
  ]

  /// The rows of queries, keys and values.
  static let projectionRows: [Parameter] = [
    (.queryWeight, "layers.{block}.self_attn.q_proj.weight", .asIs),
    (.queryBias, "layers.{block}.self_attn.q_proj.bias", .asIs),
    (.keyWeight, "layers.{block}.self_attn.k_proj.weight", .asIs),
    (.keyBias, "layers.{block}.self_attn.k_proj.bias", .asIs),
    (.valueWeight, "layers.{block}.self_attn.v_proj.weight", .asIs),
    (.valueBias, "layers.{block}.self_attn.v_proj.bias", .asIs),
  ]

  private static let attentionRows =
    projectionRows + [
      (.attentionOutputWeight, "layers.{block}.self_attn.o_proj.weight", .asIs),
      (.attentionOutputBias, "layers.{block}.self_attn.o_proj.bias", .asIs),
    ]

  private static let feedForwardRows: [Parameter] = [
    (.feedForwardNormGain, "layers.{block}.post_attention_layernorm.weight", .asIs),
    (.feedForwardGateWeight, "layers.{block}.mlp.gate_proj.weight", .asIs),
    (.feedForwardGateBias, "layers.{block}.mlp.gate_proj.bias", .asIs),
    (.feedForwardInputWeight, "layers.{block}.mlp.up_proj.weight", .asIs),
    (.feedForwardInputBias, "layers.{block}.mlp.up_proj.bias", .asIs),
    (.feedForwardOutputWeight, "layers.{block}.mlp.down_proj.weight", .asIs),
    (.feedForwardOutputBias, "layers.{block}.mlp.down_proj.bias", .asIs),
  ]

  private static let outputNormRows: [Parameter] = [
    (.attentionOutputNormGain, "layers.{block}.post_attention_layernorm.weight", .asIs),
    (.feedForwardNormGain, "layers.{block}.pre_feedforward_layernorm.weight", .asIs),
    (.feedForwardOutputNormGain, "layers.{block}.post_feedforward_layernorm.weight", .asIs),
  ]

  static let headNormRows: [Parameter] = [
    (.queryNormGain, "layers.{block}.self_attn.q_norm.weight", .asIs),
    (.keyNormGain, "layers.{block}.self_attn.k_norm.weight", .asIs),
  ]

  private static let decoderEnd: [Parameter] = [(.finalNormGain, "norm.weight", .asIs)]
}
