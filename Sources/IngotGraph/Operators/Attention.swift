// SPDX-License-Identifier: Apache-2.0
// Attention: Vaswani et al., "Attention Is All You Need", 2017, section 3.2; with fewer heads of keys and values than of
// queries: Ainslie et al., "GQA", 2023.
import IngotCore

/// `softmax(q kᵀ · scale) v`, head by head → `[B, T, H · E]`.
///
/// Inputs: the edges that hold queries, keys and values, one to three of them; the mask `[B, P + T]`; and where there is a
/// cache, its edge. Parameters: the sinks, where there are some.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct Attention: GraphOperator {
  /// Queries, H heads.
  package var queries: AttentionView
  /// Keys; each head serves as many heads of queries as one after another share it.
  package var keys: AttentionView
  /// Values, as many heads as keys.
  package var values: AttentionView
  /// What scores are multiplied with.
  package var scale: Double
  /// Whether a token sees only itself and what stands before it.
  package var isCausal: Bool
  /// Tokens that a causal one sees, itself and those just before it; all of them for `nil`.
  ///
  /// Beltagy et al., "Longformer", 2020.
  package var window: Int?
  /// c, where scores are kept between −c and c by `c · tanh(score / c)`; `nil` for none.
  ///
  /// Gemma Team, "Gemma 2", 2024, section 2.
  package var softcap: Double?
  /// Whether each head has one more score, a parameter, whose share is taken of no value.
  ///
  /// Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2023; OpenAI, "gpt-oss", 2025.
  package var hasSinks = false
  /// The cache that keys and values are kept in, counted among the graph's; `nil` where none are kept.
  package var cacheSlot: Int?

  /// Makes attention over views.
  package init(
    queries: AttentionView, keys: AttentionView, values: AttentionView, scale: Double, isCausal: Bool,
    window: Int? = nil, softcap: Double? = nil, cacheSlot: Int? = nil
  ) {
    self.queries = queries
    self.keys = keys
    self.values = values
    self.scale = scale
    self.isCausal = isCausal
    self.window = window
    self.softcap = softcap
    self.cacheSlot = cacheSlot
  }

  /// Attention over queries, keys and values side by side in one edge, `[B, T, (H + 2 · keyHeadCount) · E]`.
  ///
  /// - Parameters:
  ///   - headCount: H.
  ///   - keyHeadCount: heads of keys and values, which divide H; `nil` for H.
  ///   - headDimension: E.
  ///   - scale: what scores are multiplied with.
  ///   - isCausal: whether a token sees only itself and what stands before it.
  ///   - window: tokens that a causal one sees; `nil` for all.
  ///   - cacheSlot: the cache that keys and values are kept in; `nil` for none.
  /// - Returns: the operator.
  package static func fused(
    headCount: Int, keyHeadCount: Int? = nil, headDimension: Int, scale: Double, isCausal: Bool,
    window: Int? = nil, cacheSlot: Int? = nil
  ) -> Attention {
    let keyHeadCount = keyHeadCount ?? headCount
    let rowHeadCount = headCount + 2 * keyHeadCount
    func view(behind heads: Int, _ headCount: Int) -> AttentionView {
      AttentionView(
        input: 0, offset: heads * headDimension, headCount: headCount, headDimension: headDimension,
        rowStride: rowHeadCount * headDimension)
    }
    return Attention(
      queries: view(behind: 0, headCount), keys: view(behind: headCount, keyHeadCount),
      values: view(behind: headCount + keyHeadCount, keyHeadCount), scale: scale, isCausal: isCausal,
      window: window, cacheSlot: cacheSlot)
  }

  /// Attention over queries `[B, T, H · E]`, keys and values, each in an edge of its own.
  ///
  /// - Parameters:
  ///   - headCount: H.
  ///   - keyHeadCount: heads of keys and values, `[B, T, keyHeadCount · E]`, which divide H; `nil` for H.
  ///   - headDimension: E.
  ///   - scale: what scores are multiplied with.
  ///   - isCausal: whether a token sees only itself and what stands before it.
  ///   - window: tokens that a causal one sees; `nil` for all.
  ///   - softcap: the bound of scores; `nil` for none.
  ///   - cacheSlot: the cache that keys and values are kept in; `nil` for none.
  /// - Returns: the operator.
  package static func separate(
    headCount: Int, keyHeadCount: Int? = nil, headDimension: Int, scale: Double, isCausal: Bool,
    window: Int? = nil, softcap: Double? = nil, cacheSlot: Int? = nil
  ) -> Attention {
    func view(_ input: Int, _ headCount: Int) -> AttentionView {
      AttentionView(
        input: input, offset: 0, headCount: headCount, headDimension: headDimension,
        rowStride: headCount * headDimension)
    }
    let keyHeadCount = keyHeadCount ?? headCount
    return Attention(
      queries: view(0, headCount), keys: view(1, keyHeadCount), values: view(2, keyHeadCount), scale: scale,
      isCausal: isCausal, window: window, softcap: softcap, cacheSlot: cacheSlot)
  }

  /// The first of the positions that a token sees, which stands behind so many.
  package func firstVisible(behind position: Int) -> Int { window.map { max(0, position + 1 - $0) } ?? 0 }

  /// Heads of queries that share one head of keys and values.
  package var groupSize: Int { keys.headCount > 0 ? queries.headCount / keys.headCount : 1 }

  package var name: String { "attention" }

  package var attributes: Metadata {
    var attributes = Metadata([
      .init(key: "heads", value: .int64(Int64(queries.headCount))),
      .init(key: "head_dimension", value: .int64(Int64(queries.headDimension))),
      .init(key: "scale", value: .float64(scale)), .init(key: "causal", value: .bool(isCausal)),
    ])
    if groupSize != 1 { attributes["key_value_heads"] = .int64(Int64(keys.headCount)) }
    if let window { attributes["window"] = .int64(Int64(window)) }
    if let softcap { attributes["softcap"] = .float64(softcap) }
    if hasSinks { attributes["sinks"] = .bool(true) }
    return attributes
  }

  package func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType {
    let views = [queries, keys, values]
    let sourceCount = Set(views.map(\.input)).count
    try expectCount(inputs, sourceCount + (cacheSlot == nil ? 1 : 2))
    for view in views {
      guard try width(of: inputs[view.input]) == view.rowStride, view.offset + view.width <= view.rowStride
      else {
        let heads: Evidence = "\(view.headCount, "head") of \(view.headDimension)"
        throw ShapeConflict(
          found: "\(words: inputs[view.input].description)",
          expected: sourceCount == 1 ? "\(heads), beside those of keys and values" : heads)
      }
    }
    try expectHeads()
    if hasSinks { try expect(parameters.first, [queries.headCount]) }
    guard inputs[sourceCount].element == .mask else {
      throw ShapeConflict(found: "other inputs", expected: "a mask and a cache")
    }
    if cacheSlot != nil {
      guard inputs[sourceCount + 1].element == .cache, inputs[sourceCount + 1].width == keys.width else {
        throw ShapeConflict(found: "other inputs", expected: "a mask and a cache")
      }
    }
    return EdgeType(.activations, inputs[queries.input].dimensions.dropLast() + [.fixed(queries.width)])
  }

  private func expectHeads() throws(ShapeConflict) {
    if let window, !isCausal || window < 1 {
      throw ShapeConflict(found: "a window of \(window)", expected: "at least 1, of causal attention")
    }
    guard keys.headCount > 0, queries.headCount % keys.headCount == 0, values.headCount == keys.headCount,
      keys.headDimension == queries.headDimension, values.headDimension == queries.headDimension
    else {
      throw ShapeConflict(
        found: "\(keys.headCount, "head") of keys and \(values.headCount) of values",
        expected: "as many of each, a divisor of \(queries.headCount)")
    }
  }

  /// Only what a cache keeps of earlier tokens can be seen from a later chunk, and nothing of later ones.
  package var reach: TokenReach { isCausal && cacheSlot != nil ? .earlierTokens : .sequence }
}
