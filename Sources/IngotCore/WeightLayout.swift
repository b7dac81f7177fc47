// SPDX-License-Identifier: Apache-2.0
// Which dimension of a linear weight stands first.

/// How a linear weight is stored.
package enum WeightLayout: String, Hashable, Sendable {
  /// `[K, N]`: `y = x W`, as GPT-2 stores it.
  case inOut = "in,out"
  /// `[N, K]`: `y = x Wᵀ`, as torch's `nn.Linear` and embeddings store it.
  case outIn = "out,in"
}
