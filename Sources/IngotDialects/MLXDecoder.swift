// SPDX-License-Identifier: Apache-2.0
// The names of Llama, Mistral, Qwen, SmolLM3, Gemma and Phi-3 in Apple's mlx-lm: transformers' own.
// ml-explore/mlx-lm: mlx_lm/models/llama.py, qwen2.py, qwen3.py, smollm3.py, gemma.py, gemma2.py, gemma3_text.py, phi3.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// Llama as mlx-lm names it.
  static let mlxLlama = mlxDecoder("llama")
  /// Mistral as mlx-lm names it.
  static let mlxMistral = mlxDecoder("mistral")
  /// Qwen2 as mlx-lm names it.
  static let mlxQwen2 = mlxDecoder("qwen2", fixed: [FixedValue("head_dim", .null)])
  /// Qwen3 as mlx-lm names it.
  static let mlxQwen3 = mlxDecoder("qwen3", rows: normedDecoderRows, fixed: [noBias])
  /// SmolLM3 as mlx-lm names it.
  static let mlxSmolLM3 = mlxDecoder("smollm3", seesListedWindows: true)
  /// Gemma 1 as mlx-lm names it, whose gate it computes by the exact function.
  static let mlxGemma = mlxDecoder(
    "gemma", gate: "gelu_pytorch_tanh", fixed: [noBias], tied: true,
    approximated: [ApproximatedValue("hidden_act", .string("gelu_pytorch_tanh"), by: "the exact gelu")],
    rotary: .baseOnly)
  /// Gemma 2 as mlx-lm names it, whose program bounds scores in any case and knows no window.
  static let mlxGemma2 = mlxDecoder(
    "gemma2", rows: gemma2Rows, gateKey: "hidden_activation", gate: "gelu_pytorch_tanh", fixed: [noBias],
    tied: true, rotary: .baseOnly
  ) { config in
    if config[.attentionSoftcap] == 0 { return ("attn_logit_softcapping", "is null") }
    return config[.headSoftcap] == 0 ? ("final_logit_softcapping", "is null") : nil
  }
  /// Gemma 3 as mlx-lm names it.
  static let mlxGemma3 = mlxDecoder(
    "gemma3_text", rows: gemma3Rows, gateKey: "hidden_activation", gate: "gelu_pytorch_tanh",
    fixed: [noBias], seesWindows: true
  ) { config in
    if config[.headSoftcap] != 0 { return ("final_logit_softcapping", "is \(config[.headSoftcap])") }
    if config[.windowRotary].scaling != .none {
      return ("rope_parameters.sliding_attention", "is \(words: config[.windowRotary].scaling.name)")
    }
    if config.blockCount < config[.windowPeriod] {
      return ("num_hidden_layers", "is \(config.blockCount), less than sliding_window_pattern")
    }
    return config.listsOtherWindows(than: config[.windowPeriod])
      ? ("layer_types", "lists other layers than sliding_window_pattern") : nil
  }
  /// Phi-3 as mlx-lm names it, whose program takes the divisors for long texts for short ones too.
  static let mlxPhi3 = mlxDecoder(
    "phi3", rows: fusedDecoderRows, fixed: [FixedValue("head_dim", .null)], rotary: .baseOnly)

  private static let noBias = FixedValue("attention_bias", .bool(false))

  /// A decoder's names.
  ///
  /// - Parameters:
  ///   - architecture: the architecture.
  ///   - rows: the names of all parameters but the head.
  ///   - gateKey: the key of the gate's function.
  ///   - gate: the function that the program has built in.
  ///   - fixed: what else it has.
  ///   - tied: whether it has no other head than the token embedding.
  ///   - storesTiedHead: whether it asks for a head, be it the token embedding.
  ///   - approximated: what it computes by another formula.
  ///   - rotary: which rotary embeddings it computes.
  ///   - seesWindows: whether windows are honoured.
  ///   - seesListedWindows: whether those are that `layer_types` names.
  ///   - echoes: numbers that its class asks for where transformers' has a default.
  ///   - listsKinds: whether `layer_types` is written where a config leaves it out.
  ///   - refusal: what else it can't express.
  /// - Returns: the dialect.
  static func mlxDecoder(
    _ architecture: String, rows: [Parameter] = decoderRows, gateKey: String = "hidden_act",
    gate: String = "silu", fixed: [FixedValue] = [], tied: Bool = false, storesTiedHead: Bool = false,
    approximated: [ApproximatedValue] = [], rotary: RotarySupport = .mlx, seesWindows: Bool = false,
    seesListedWindows: Bool = false,
    echoes: [(key: String, number: any KeyPath<ModelConfig, Int> & Sendable)] = [], listsKinds: Bool = false,
    refusal: @escaping @Sendable (ModelConfig) -> (key: String, why: Evidence)? = { _ in nil }
  ) -> Dialect {
    Dialect(
      id: "mlx",
      architecture: architecture,
      prefixes: ["model."],
      parameters: rows + (tied ? [] : [(.head, "lm_head.weight", .asIs)]),
      unprefixed: [.head],
      heads: ["language": "language"],
      buffers: ["layers.{block}.self_attn.rotary_emb.inv_freq"],
      storesTiedHead: storesTiedHead,
      // ml-explore/mlx: mlx/io/safetensors.cpp reads no F64.
      computes: [.f32, .f16, .bf16],
      fixed: [FixedValue(gateKey, .string(gate))] + fixed,
      approximated: approximated,
      ignored: seesWindows
        ? []
        : [
          IgnoredValue(
            "sliding_window", unless: .null, where: .usesWindow, isSeenWhereListed: seesListedWindows)
        ],
      refusal: refusal,
      rotary: rotary,
      // Its class ties heads where the key is missing, and reads the older spelling of rotary embeddings alone.
      config: ConfigPlace(
        carrier: .file("config.json"), echoes: echoes, listsKinds: listsKinds, isRewritten: true),
      marks: [FileMark("format", "mlx", writtenIn: "safetensors")])
  }
}

extension ModelConfig {
  /// Whether any block sees a window.
  var hasWindowBlocks: Bool { self[.window] > 0 && (0..<blockCount).contains(where: isWindowBlock) }

  /// Whether the blocks that see a window are others than a program has that goes by a period.
  ///
  /// - Parameter period: of so many blocks the last sees all tokens.
  /// - Returns: whether one of them is another; not where there is no window.
  func listsOtherWindows(than period: Int) -> Bool {
    guard self[.window] > 0 else { return false }
    return (0..<blockCount).contains { isWindowBlock($0) == ($0 + 1).isMultiple(of: max(1, period)) }
  }
}
