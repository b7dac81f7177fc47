// SPDX-License-Identifier: Apache-2.0
// The numbers that say how CTranslate2 computes a decoder: single numbers among its variables. The types are those of its
// specifications, `OpenNMT/CTranslate2: python/ctranslate2/specs/transformer_spec.py` and `attention_spec.py`; what each does
// is in `src/layers/transformer.cc` and `attention_layer.cc`.
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph

/// The numbers of a decoder as CTranslate2 has them.
struct CTranslate2Attributes {
  private let layout: CTranslate2Layout
  private let config: ModelConfig

  /// Takes the numbers of a model.
  init(_ layout: CTranslate2Layout) {
    self.layout = layout
    config = layout.model.recognised.configuration.config
  }

  /// An activation's number; `nil` for one that CTranslate2 lacks.
  ///
  /// - SeeAlso: `python/ctranslate2/specs/common_spec.py`, `Activation`.
  static func number(of activation: ActivationKind) -> Int8? {
    switch activation {
    case .relu: 0
    case .geluTanh, .geluFast: 1
    case .silu: 2
    case .gelu: 3
    case .quickGELU: 4
    case .tanh: 5
    case .sigmoid: 6
    case .mish, .laplace, .reluSquared, .relu6, .linear: nil
    }
  }

  /// What a file says of its specification, and all numbers, as its metadata.
  var metadata: Metadata {
    let attributes = (decoder + (0..<config.blockCount).flatMap(block) + norms).map {
      Metadata.Entry(
        key: CTranslate2Metadata.attributePrefix + CTranslate2Layout.scope + $0.name, value: $0.value)
    }
    return Metadata(
      [
        .init(key: CTranslate2Metadata.specification, value: .string("TransformerDecoderSpec")),
        // The names of the variables have been these since revision 2, and those that came later are its defaults.
        .init(key: CTranslate2Metadata.revision, value: .uint32(8)),
      ] + attributes)
  }

  private typealias Attribute = (name: String, value: MetadataValue)

  private static func flag(_ value: Bool) -> MetadataValue { .int8(value ? 1 : 0) }

  /// The numbers of the whole decoder.
  private var decoder: [Attribute] {
    let isPostNorm =
      layout.model.recognised.configuration.architecture.id == Architecture.opt.id && !config[.normsFirst]
    var attributes: [Attribute] = [
      ("activation", .int8(Self.number(of: config.activation) ?? 0)),
      ("alibi", Self.flag(false)), ("alibi_use_positive_positions", Self.flag(false)),
      ("alignment_heads", .int16(1)), ("alignment_layer", .int16(-1)),
      ("num_heads", .int16(Int16(clamping: config.headCount))), ("pre_norm", Self.flag(!isPostNorm)),
      ("scale_alibi", Self.flag(false)), ("scale_embeddings", Self.flag(config[.scalesEmbedding])),
      ("start_from_zero_embedding", Self.flag(false)),
    ]
    if config[.headSoftcap] != 0 {
      attributes.append(("final_logit_softcapping", .float32(Float(config[.headSoftcap]))))
    }
    if let window = layout.window { attributes.append(("sliding_window", .int32(Int32(clamping: window)))) }
    return attributes
  }

  /// Gains that 1 is added to.
  private var norms: [Attribute] {
    guard config[.normOffset] == 1 else { return [] }
    return layout.normScopes.map { ("\($0)/layer_norm_use_residual", Self.flag(true)) }
  }

  /// The numbers of a block's attention.
  private func block(_ block: Int) -> [Attribute] {
    var attributes: [Attribute] = []
    if config.keyHeadCount != config.headCount {
      attributes.append(("num_heads_kv", .int32(Int32(clamping: config.keyHeadCount))))
    }
    if config.headDimension * config.headCount != config.width {
      attributes.append(("head_dim", .int32(Int32(clamping: config.headDimension))))
    }
    if let scale = queryScale(block) { attributes.append(("queries_scale", .float32(Float(scale)))) }
    if let window = layout.window { attributes.append(("sliding_window", .int32(Int32(clamping: window)))) }
    if layout.usesRotary, let schedule = config.rotarySchedule(ofBlock: block) {
      attributes += rotary(schedule)
    }
    return attributes.map { ("layer_\(block)/self_attention/" + $0.name, $0.value) }
  }

  /// What queries are multiplied with where that is not 1 / √E.
  private func queryScale(_ block: Int) -> Double? {
    if config[.queryScalar] != 0, config[.queryScalar] != Double(config.headDimension) {
      return 1 / config[.queryScalar].squareRoot()
    }
    guard !config[.scalesAttention] || config[.scalesAttentionByBlock] else { return nil }
    let scale = config[.scalesAttention] ? 1 / Double(config.headDimension).squareRoot() : 1
    return config[.scalesAttentionByBlock] ? scale / Double(block + 1) : scale
  }

  private func rotary(_ schedule: RotarySchedule) -> [Attribute] {
    var attributes: [Attribute] = [
      ("rotary_base", .float32(Float(schedule.parameters.base))),
      ("rotary_dim", .int32(Int32(clamping: 2 * schedule.pairCount))),
      ("rotary_interleave", Self.flag(false)),
    ]
    switch schedule.parameters.scaling {
    case .linear(let factor):
      attributes += [("rotary_scaling_type", .int8(0)), ("rotary_scaling_factor", .float32(Float(factor)))]
    case .llama3(let factor, let low, let high, let original):
      attributes += [
        ("original_max_position_embeddings", .int32(Int32(clamping: original))),
        ("rotary_high_freq_factor", .float32(Float(high))), ("rotary_low_freq_factor", .float32(Float(low))),
        ("rotary_scaling_factor", .float32(Float(factor))), ("rotary_scaling_type", .int8(2)),
      ]
    case .none, .dynamic, .yarn, .longrope, .divisors: break
    }
    return attributes
  }
}
