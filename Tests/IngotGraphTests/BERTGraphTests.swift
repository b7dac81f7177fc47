// SPDX-License-Identifier: Apache-2.0
// BERT's graph is the paper's: its sizes, its order, and which outputs each head has.
import IngotCore
import IngotGraph
import Testing

@Suite struct BERTGraphTests {
  /// The counts of transformers' BertForPreTraining: `sum(p.numel() for p in model.parameters())`.
  @Test(arguments: [("bert-base", 110_106_428), ("bert-large", 336_226_108)])
  func `the published sizes have as many parameters as in transformers`(_ name: String, _ count: Int) throws {
    let preset = try #require(ModelPreset.named(name))
    let graph = Architecture.bert.graph(Architecture.bert.config(of: preset))
    #expect(graph.conflicts.isEmpty && graph.parameterCount == count)
  }

  @Test func `layer norm stands behind the embeddings and each addition`() {
    let graph = Architecture.bert.graph(Architecture.bert.defaults.with(.blockCount, 1))
    let block = [
      "attention.self.query", "attention.self.key", "attention.self.value", "attention.self",
      "attention.output.dense", "attention.output.add", "attention.output.LayerNorm", "intermediate.dense",
      "intermediate.act", "output.dense", "output.add", "output.LayerNorm",
    ]
    let names = graph.nodes.map(\.name)
    #expect(names[5] == "embeddings.LayerNorm")
    #expect(Array(names[6..<18]) == block.map { "encoder.layer.0.\($0)" })
    #expect(names.suffix(3) == ["pooler.first", "pooler.dense", "pooler.tanh"])
  }

  @Test(arguments: [
    ("bare", ["pooler_output"]), ("masked_language", ["prediction_logits", "logits"]),
    ("next_sentence", ["pooler_output", "seq_relationship_logits", "logits"]),
    ("pre_training", ["pooler_output", "prediction_logits", "logits", "seq_relationship_logits"]),
    ("sequence_classification", ["pooler_output", "logits"]), ("token_classification", ["logits"]),
  ])
  func `each head has its outputs`(_ head: String, _ expected: [String]) {
    var config = Architecture.bert.defaults.with(.blockCount, 1)
    config[.head] = head
    config[.hasPooler] = head == "bare"
    let outputs = Architecture.bert.graph(config).outputs.map(\.name)
    #expect(outputs == ["hidden_states.0", "hidden_states.1", "last_hidden_state"] + expected)
  }

  @Test func `nothing is kept between runs, and every token sees all others`() {
    let graph = Architecture.bert.graph(Architecture.bert.defaults.with(.blockCount, 2))
    #expect(graph.caches.isEmpty && !graph.continuesText)
    let attention = graph.nodes.compactMap { $0.operation as? Attention }
    #expect(attention.count == 2 && attention.allSatisfy { !$0.isCausal && $0.cacheSlot == nil })
  }
}
