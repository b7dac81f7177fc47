// SPDX-License-Identifier: Apache-2.0
// Which tensors are quantized where no model is known: names as transformers, PEFT, torch and llama.cpp have them.
import IngotCore
import IngotQuantization
import Testing

@Suite struct MatrixQuantizationTests {
  private static func tensor(_ name: String, _ dtype: DType, _ shape: Shape) -> TensorDescriptor {
    TensorDescriptor(
      name: name, dtype: dtype, shape: shape,
      storage: TensorStorage(StorageSegment(file: 0, offset: 0, byteCount: shape.byteCount(of: dtype) ?? 0)))
  }

  private static let uses: [(String, MatrixUse)] = [
    ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", .position),
    ("vision_model.embeddings.position_embedding.weight", .position), ("transformer.wpe.weight", .position),
    ("bert.embeddings.token_type_embeddings.weight", .position),
    ("model.decoder.embed_positions.weight", .position),
    ("token_types.weight", .position), ("blk.0.attn_rel_b.weight", .position), ("pos_embed", .position),
    ("deberta.encoder.rel_embeddings.weight", .position),
    ("layers.0.relative_position_bias_table", .position), ("encoder/relative_position/kernel", .position),
    ("blocks.0.norm1.weight", .scale), ("blk.0.attn_q_norm.weight", .scale), ("h.0.ln_1.weight", .scale),
    ("Encoder/LayerNorm_0/scale", .scale), ("q.weight_scale_inv", .scale), ("transformer.r_w_bias", .scale),
    ("model.layers.0.mlp.gate.weight", .router), ("blk.0.ffn_gate_inp.weight", .router),
    ("encoder.block.1.layer.1.mlp.router.classifier.weight", .router),
    ("model.layers.0.mlp.shared_expert_gate.weight", .router), ("moe.deepspeed_moe.gate.wg.weight", .router),
    ("base_model.model.q.lora_A.default.weight", .adapter), ("lora_unet_down.lora_up.weight", .adapter),
    ("optimizer.state.0.exp_avg", .optimizer), ("state.3.momentum_buffer", .optimizer),
    ("backbone.layers.0.mixer.A_log", .recurrence), ("blk.0.ssm_a", .recurrence),
    ("blk.0.ssm_conv1d.weight", .recurrence), ("blk.0.time_mix_w1.weight", .recurrence),
    ("rwkv.blocks.0.attention.time_decay", .recurrence),
  ]

  @Test(arguments: uses)
  func `a name tells what a matrix is for`(_ name: String, _ use: MatrixUse) {
    #expect(MatrixUse(name, shape: [40, 64]) == use)
    let obstacle = MatrixQuantization.obstacle(Self.tensor(name, .f32, [40, 64]))
    #expect(obstacle?.why == use.why && obstacle?.isFixed == false)
  }

  @Test(arguments: [
    "shared.weight", "lm_head.weight", "encoder.block.0.layer.0.SelfAttention.q.weight",
    "transformer_blocks.0.norm1.linear.weight", "model.layers.0.mlp.gate_proj.weight",
    "model.layers.0.mlp.gate_up_proj.weight", "blk.0.time_mix_key.weight",
    "backbone.layers.0.mixer.dt_proj.weight", "visual_projection.weight", "decoder/Dense_3/kernel",
    "self_attn.linear_pos.weight", "model.embed_tokens.weight", "proposal.weight",
  ])
  func `a weight is quantized`(_ name: String) {
    #expect(MatrixUse(name, shape: [40, 64]) == nil)
    for dtype in [DType.f16, .bf16, .f32, .f64] {
      #expect(MatrixQuantization.obstacle(Self.tensor(name, dtype, [32, 32])) == nil)
    }
  }

  @Test func `a gate of as many outputs as inputs is a weight`() {
    #expect(MatrixUse("mlp.gate.weight", shape: [63, 64]) == .router)
    #expect(MatrixUse("mlp.gate.weight", shape: [64, 64]) == nil)
  }

  @Test func `what is no matrix can't be quantized, and a small one can`() {
    for shape: Shape in [[], [64], [64, 3, 8], [64, 64, 1], [0, 64]] {
      #expect(MatrixQuantization.obstacle(Self.tensor("w", .f32, shape))?.isFixed == true, "\(shape)")
    }
    for dtype in [DType.i8, .i32, .bool, .c64, .f4] {
      #expect(MatrixQuantization.obstacle(Self.tensor("w", dtype, [64, 64]))?.isFixed == true, "\(dtype)")
    }
    for shape: Shape in [[31, 64], [64, 31]] {
      #expect(MatrixQuantization.obstacle(Self.tensor("w", .f32, shape))?.isFixed == false, "\(shape)")
    }
    #expect(MatrixQuantization.obstacle(Self.tensor("w", .f8E4M3, [64, 64]))?.isFixed == false)
  }

  @Test func `a scheme fits rows of whole groups and blocks`() {
    #expect(
      MatrixQuantization.misfit(.q80, [64, 48]) != nil && MatrixQuantization.misfit(.q80, [48, 64]) == nil)
    #expect(MatrixQuantization.misfit(.int8Group16, [64, 48]) == nil)
    #expect(MatrixQuantization.misfit(.int8Group32, [64, 48])?.isFixed == true)
    for scheme in [QuantizationScheme.int8, .int8Tensor, .keep] {
      #expect(MatrixQuantization.misfit(scheme, [64, 47]) == nil)
    }
  }
}
