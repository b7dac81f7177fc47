// SPDX-License-Identifier: Apache-2.0
// Which rotary embeddings a publisher's program computes. Page: formats/dialects.md.
// ggml-org/llama.cpp: src/llama-context.cpp; ggml/src/ggml-cpu/ops.cpp, `rope_yarn`.
import IngotCore
import IngotGraph

/// What a program makes of a rotary embedding.
package struct RotarySupport: Sendable {
  /// The key that the program has no arithmetic for, and why; `nil` where it computes what the config says.
  let refusal: @Sendable (RotaryScaling) -> (key: String, why: Evidence)?
  /// What the program does otherwise than the config says, for people; `nil` where it does the same.
  var remark: @Sendable (RotaryScaling) -> Evidence? = { _ in nil }

  /// All of it.
  static let all = RotarySupport { scaling in
    scaling.isStatable
      ? nil
      : (
        "rope_scaling", "is a list of divisors, which no config can say (one that explains them may be named)"
      )
  }

  /// Nothing but a base.
  static let baseOnly = RotarySupport { scaling in
    scaling == .none ? nil : ("rope_scaling", "is \(words: scaling.name)")
  }

  /// What llama.cpp has for Llama.
  static let llamaCpp = RotarySupport { scaling in
    switch scaling {
    case .none, .linear, .llama3, .divisors: return nil
    case .dynamic: return ("rope_scaling", "is dynamic")
    // Its program goes by the context that it was opened with, and not by the text.
    case .longrope: return ("rope_scaling", "is longrope")
    case .yarn(let yarn):
      // src/llama-model.cpp reads neither for this architecture, and rope_yarn has whole pairs only.
      if !yarn.truncates { return ("rope_scaling.truncate", "is false") }
      if yarn.fast != 32 { return ("rope_scaling.beta_fast", "is \(yarn.fast)") }
      if yarn.slow != 1 { return ("rope_scaling.beta_slow", "is \(yarn.slow)") }
      return nil
    }
  }

  /// What llama.cpp has for Gemma 3, whose layers that see all tokens may have a factor.
  static let llamaCppBases = RotarySupport { scaling in
    switch scaling {
    case .none, .linear: nil
    default: ("rope_scaling", "is \(words: scaling.name)")
    }
  }

  /// What llama.cpp has for gpt-oss.
  static let llamaCppGPTOSS = endingAtWholePairs(llamaCpp)
  /// What mlx-lm has for gpt-oss.
  static let mlxGPTOSS = endingAtWholePairs(mlx)

  /// What a program has whose ramp of yarn ends at whole pairs for a model that is published otherwise: it is run so, and
  /// that is said.
  private static func endingAtWholePairs(_ support: RotarySupport) -> RotarySupport {
    RotarySupport(
      refusal: { scaling in
        guard case .yarn(var yarn) = scaling else { return support.refusal(scaling) }
        yarn.truncates = true
        return support.refusal(.yarn(yarn))
      },
      remark: { scaling in
        guard case .yarn(let yarn) = scaling, !yarn.truncates else { return support.remark(scaling) }
        return "truncate is false, and the program's ramp ends at whole pairs"
      })
  }

  /// What llama.cpp has for Phi-3: two lists of divisors, of which it takes one by the context that it is opened with.
  static let llamaCppPhi3 = RotarySupport(
    refusal: { scaling in
      switch scaling {
      case .none, .longrope: nil
      default: ("rope_scaling", "is \(words: scaling.name)")
      }
    },
    remark: { scaling in
      guard case .longrope = scaling else { return nil }
      return "divisors are chosen by the context that the program is opened with, not by the text's length"
    })

  /// What mlx-lm has.
  ///
  /// - SeeAlso: `ml-explore/mlx-lm: mlx_lm/models/rope_utils.py`, `initialize_rope`.
  static let mlx = RotarySupport { scaling in
    switch scaling {
    case .none, .linear, .llama3: return nil
    case .dynamic: return ("rope_scaling", "is dynamic")
    case .divisors: return all.refusal(scaling)
    // Its program takes the factors for long texts for short ones, too.
    case .longrope: return ("rope_scaling", "is longrope")
    case .yarn(let yarn):
      if !yarn.truncates { return ("rope_scaling.truncate", "is false") }
      if yarn.attentionFactor != nil { return ("rope_scaling.attention_factor", "is given") }
      if yarn.factor == nil { return ("rope_scaling.factor", "is null") }
      // One alone is passed over by transformers, and counts there.
      if (yarn.mscale ?? 0 != 0) != (yarn.mscaleAllDimensions ?? 0 != 0) {
        return (yarn.mscale ?? 0 != 0 ? "rope_scaling.mscale" : "rope_scaling.mscale_all_dim", "stands alone")
      }
      return nil
    }
  }

  /// What Meta's code has.
  static let meta = RotarySupport { scaling in
    switch scaling {
    case .none, .meta: return nil
    case .llama3: return ("rope_scaling", "has other numbers than factor 8, low 1, high 4, original 8192")
    default: return ("rope_scaling", "is \(words: scaling.name)")
    }
  }
}
