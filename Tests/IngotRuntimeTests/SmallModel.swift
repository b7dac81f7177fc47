// SPDX-License-Identifier: Apache-2.0
// A model of two blocks with all kinds of inputs and outputs, made here, and the same pass by a few lines of numpy.
import Foundation
import IngotGraph
import IngotKit
import IngotRuntime
import IngotTestSupport
import Testing

/// A model with norms behind its sub-blocks, token types, a pooled output and a classifier.
struct SmallModel: Sendable, CustomTestStringConvertible {
  var keyHeadCount = 4
  var isFused = false
  var isCausal = false
  var isCached = false
  var choice = SelectToken.Choice.first

  /// No two sizes are equal, and none is a power of two but the heads.
  static let (heads, dimension, width, inner, tokens, positions, types) = (4, 3, 10, 7, 11, 9, 3)
  static let scale = 0.6
  static let padding = 8

  static let all = [
    SmallModel(), SmallModel(isFused: true, choice: .last), SmallModel(keyHeadCount: 2, choice: .given),
    SmallModel(keyHeadCount: 1, isCausal: true, choice: .last),
    SmallModel(keyHeadCount: 2, isCausal: true, isCached: true, choice: .last),
    SmallModel(isFused: true, isCausal: true, isCached: true, choice: .given),
    SmallModel(isCausal: true, choice: .lastOther(than: padding)),
  ]

  var testDescription: String {
    "\(isFused ? "fused" : "\(keyHeadCount) key heads")\(isCausal ? ", causal" : "")"
      + "\(isCached ? ", cached" : ""), \(choice)"
  }

  func graph() -> ModelGraph {
    var graph = GraphBuilder()
    let mask = graph.input(.mask)
    let embeddings = [
      graph.add("tokens", Embedding(), [graph.input(.ids)], [Self.matrix("tokens", Self.tokens, Self.width)]),
      graph.add(
        "positions", Embedding(), [graph.input(.positions)],
        [Self.matrix("positions", Self.positions, Self.width)]),
      graph.add(
        "types", Embedding(), [graph.input(.tokenTypes)], [Self.matrix("types", Self.types, Self.width)]),
    ]
    var hidden = graph.add("embed.1", Add(), Array(embeddings[..<2]))
    hidden = Self.norm("embed", graph.add("embed.2", Add(), [hidden, embeddings[2]]), in: &graph)
    for block in 0..<2 {
      let attended = attention(block, hidden, mask, in: &graph)
      hidden = Self.norm("\(block).attention", attended, in: &graph)
      let inner = Self.linear("\(block).in", hidden, Self.width, Self.inner, in: &graph)
      let activated = graph.add("\(block).gelu", Activation(.gelu), [inner])
      let outer = Self.linear("\(block).out", activated, Self.inner, Self.width, in: &graph)
      hidden = Self.norm("\(block).ffn", graph.add("\(block).ffn.add", Add(), [hidden, outer]), in: &graph)
    }
    graph.name(hidden, "last_hidden_state")
    let selector =
      switch choice {
      case .first: [EdgeID]()
      case .last: [mask]
      case .lastOther: [graph.input(.ids)]
      case .given: [graph.input(.tokenIndexes)]
      }
    let selected = graph.add("select", SelectToken(choice), [hidden] + selector)
    let pooled = Self.linear("pool", selected, Self.width, Self.width, in: &graph)
    graph.name(graph.add("pool.tanh", Activation(.tanh), [pooled]), "pooler_output")
    graph.name(
      Self.linear("classify", Self.norm("classify", pooled, in: &graph), Self.width, 2, in: &graph), "logits")
    return graph.build(architecture: "small", config: ModelConfig())
  }

  private func attention(
    _ block: Int, _ hidden: EdgeID, _ mask: EdgeID, in graph: inout GraphBuilder
  ) -> EdgeID {
    let (width, keyWidth) = (Self.heads * Self.dimension, keyHeadCount * Self.dimension)
    let slot = isCached ? block : nil
    let attention =
      isFused
      ? Attention.fused(
        headCount: Self.heads, headDimension: Self.dimension, scale: Self.scale, isCausal: isCausal,
        cacheSlot: slot)
      : Attention.separate(
        headCount: Self.heads, keyHeadCount: keyHeadCount, headDimension: Self.dimension, scale: Self.scale,
        isCausal: isCausal, cacheSlot: slot)
    let parts = isFused ? [("qkv", 3 * width)] : [("q", width), ("k", keyWidth), ("v", keyWidth)]
    var inputs = parts.map { Self.linear("\(block).\($0.0)", hidden, Self.width, $0.1, in: &graph) } + [mask]
    if let slot { inputs.append(graph.input(.cache(slot, width: keyWidth))) }
    let attended = graph.add("\(block).attend", attention, inputs)
    let projected = Self.linear("\(block).o", attended, width, Self.width, in: &graph)
    return graph.add("\(block).attend.add", Add(), [hidden, projected])
  }

  private static func matrix(_ name: String, _ rows: Int, _ columns: Int) -> GraphParameter {
    GraphParameter(
      TensorRole(TensorRole.Kind(name)), shape: Shape([rows, columns]) ?? .scalar, dimensionNames: ["", ""])
  }

  private static func vector(_ name: String, _ count: Int) -> GraphParameter {
    GraphParameter(TensorRole(TensorRole.Kind(name)), shape: Shape([count]) ?? .scalar, dimensionNames: [""])
  }

  private static func linear(
    _ name: String, _ input: EdgeID, _ from: Int, _ to: Int, in graph: inout GraphBuilder
  ) -> EdgeID {
    graph.add(
      name, Linear(weightLayout: .outIn, hasBias: true), [input],
      [matrix(name + ".weight", to, from), vector(name + ".bias", to)])
  }

  private static func norm(_ name: String, _ input: EdgeID, in graph: inout GraphBuilder) -> EdgeID {
    graph.add(
      name + ".norm", LayerNorm(epsilon: 1e-5), [input],
      [vector(name + ".norm.gain", width), vector(name + ".norm.bias", width)])
  }

  /// Random weights from −1 to 1.
  static func store(for graph: ModelGraph) -> WeightStore {
    var random = SeededRandom(seed: 12)
    var store: WeightStore = [:]
    for parameter in graph.parameters {
      let values = random.floats(parameter.shape.elementCount)
      store[parameter.role] = Weight(
        .number(.f32), shape: parameter.shape, bytes: values.withUnsafeBytes { Array($0) })
    }
    return store
  }

  /// Three sequences of six tokens: one whole, one that ends early, one that starts late.
  func request(in graph: ModelGraph) -> RunRequest {
    var random = SeededRandom(seed: 5)
    func integers(below bound: Int, _ count: Int) -> [Int] {
      (0..<count).map { _ in random.integer(in: 0...(bound - 1)) }
    }
    var request = RunRequest(
      batchCount: 3, tokenCount: 6, ids: integers(below: Self.tokens, 18),
      wanted: Set(graph.outputs.map(\.name)))
    if case .lastOther(let padding) = choice {
      request.ids =
        [1, padding, 3, 4, padding, padding] + [Int](repeating: padding, count: 6) + [
          5, 6, 7, padding, 9, 10,
        ]
    }
    request.integers[.tokenTypes] = integers(below: Self.types, 18)
    if choice == .given { request.integers[.tokenIndexes] = [3, 0, 5] }
    request.mask = (0..<18).map { ![10, 11, 12].contains($0) }
    return request
  }

  /// What numpy gives for a request, by output.
  func expected(_ request: RunRequest, _ store: WeightStore) throws -> [String: [Double]] {
    let weights = store.map {
      ($0.key.description, ["shape": $0.value.shape.dimensions, "values": $0.value.doubles])
    }
    let selected =
      switch choice {
      case .first: [0, 0, 0]
      case .last: [5, 3, 5]
      case .lastOther: [3, 0, 5]
      case .given: request.integers[.tokenIndexes] ?? []
      }
    let input: [String: Any] = [
      "weights": Dictionary(uniqueKeysWithValues: weights), "ids": request.ids, "selected": selected,
      "types": request.integers[.tokenTypes] ?? [], "mask": request.mask ?? [], "fused": isFused,
      "causal": isCausal, "heads": [Self.heads, keyHeadCount, Self.dimension], "scale": Self.scale,
    ]
    let output = try PythonPeer.run(
      code: Self.numpy, input: Array(try JSONSerialization.data(withJSONObject: input))
    ).outputBytes
    return try JSONDecoder().decode([String: [Double]].self, from: Data(output))
  }

  private static let numpy = """
    import json, sys
    from math import erf
    import numpy as np
    d = json.load(sys.stdin)
    w = {k: np.array(v["values"]).reshape(v["shape"]) for k, v in d["weights"].items()}
    H, G, E = d["heads"]
    B, T = 3, 6
    ids, types = np.array(d["ids"]).reshape(B, T), np.array(d["types"]).reshape(B, T)
    allowed = np.array(d["mask"], bool).reshape(B, 1, 1, T)
    if d["causal"]: allowed = allowed & np.tril(np.ones((T, T), bool))
    def norm(x, name):
        c = x - x.mean(-1, keepdims=True)
        c = c / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
        return c * w[name + ".norm.gain"] + w[name + ".norm.bias"]
    def linear(x, name): return x @ w[name + ".weight"].T + w[name + ".bias"]
    gelu = np.vectorize(lambda x: x * 0.5 * (1 + erf(x / 2 ** 0.5)))
    h = norm(w["tokens"][ids] + w["positions"][np.arange(T)] + w["types"][types], "embed")
    for b in "01":
        if d["fused"]: q, k, v = np.split(linear(h, b + ".qkv"), 3, -1)
        else: q, k, v = (linear(h, b + "." + n) for n in "qkv")
        k, v = (np.repeat(x.reshape(B, T, G, E), H // G, axis=2) for x in (k, v))
        s = np.einsum("bthe,bshe->bhts", q.reshape(B, T, H, E), k) * d["scale"]
        p = np.where(allowed, np.exp(s - s.max(-1, keepdims=True)), 0)
        p = p / np.maximum(p.sum(-1, keepdims=True), 1e-300)
        o = np.einsum("bhts,bshe->bthe", p, v).reshape(B, T, H * E)
        h = norm(h + linear(o, b + ".o"), b + ".attention")
        h = norm(h + linear(gelu(linear(h, b + ".in")), b + ".out"), b + ".ffn")
    pooled = linear(h[np.arange(B), d["selected"]], "pool")
    print(json.dumps({"last_hidden_state": list(h.flat), "pooler_output": list(np.tanh(pooled).flat),
                      "logits": list(linear(norm(pooled, "classify"), "classify").flat)}))
    """
}
