// SPDX-License-Identifier: Apache-2.0
// A file of reference outputs: the inputs that a model was run on, and what it should give.
import IngotBytes
import IngotCore
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels
import IngotTransforms

/// Inputs and expected outputs, as a fixtures file holds them.
package struct FixtureSet: Sendable {
  /// The file they come from; empty for inputs made here.
  package var path: String
  /// Token ids, `[B, T]`.
  package var inputIDs: IntegerArray
  /// 1 where a token counts, `[B, T]`.
  package var attentionMask: IntegerArray?
  /// What else goes into a graph, by the file's names: positions, token types, indexes of tokens.
  package var otherInputs: [(name: String, input: GraphInput, array: IntegerArray)] = []
  /// Ids that the loss is taken on, shifted by one: logits at t against the label at t + 1; −100 does not count.
  package var labels: IntegerArray?
  /// Ids that the loss is taken on, not shifted.
  package var targets: IntegerArray?
  /// Expected outputs by name, in the file's order.
  package var expected: [(name: String, array: RealArray)]
  /// Gradients that a debug state of llm.c has, in one piece; `nil` for none.
  package var gradients: (file: Checkpoint, tensor: TensorDescriptor)?
  /// Arrays of names that mean nothing here.
  package var unknown: [String]
  /// The file's metadata: its producer, and the digest of the model that made it.
  package var metadata: Metadata

  /// Makes a set of inputs without expectations.
  package init(inputIDs: IntegerArray) {
    self.path = ""
    self.inputIDs = inputIDs
    expected = []
    unknown = []
    metadata = Metadata()
  }

  /// Reads a fixtures file.
  ///
  /// - Parameters:
  ///   - path: a `.npz` or `.safetensors` file, another checkpoint that holds such arrays, or a debug state of llm.c.
  ///   - vocabularySize: the tokens that the model knows, which a debug state does not say.
  ///   - work: how files are read.
  /// - Throws: the reader's errors, and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a file without
  ///   `input_ids` or with inputs of differing shapes.
  package init(
    path: String, vocabularySize: Int, work: WorkOptions = WorkOptions()
  ) throws(IngotError) {
    let (checkpoint, isState) = try Self.open(path, vocabularySize: vocabularySize, work)
    let loader = ArrayLoader(checkpoint, work: work)
    var inputs: [String: IntegerArray] = [:]
    expected = []
    unknown = []
    for tensor in checkpoint.tensors {
      if Self.inputNames.contains(tensor.name) {
        inputs[tensor.name] = try loader.integers(tensor)
      } else if Self.isOutput(tensor.name) {
        expected.append((tensor.name, try loader.reals(tensor)))
      } else if isState, tensor.name == LLMCState.gradients {
        gradients = (checkpoint, tensor)
      } else {
        unknown.append(tensor.name)
      }
    }
    if let ids = inputs["input_ids"], ids.shape.rank == 3 {
      // Several sequences to choose from pass as rows of the batch.
      let choices = Array(ids.shape.dimensions.prefix(2))
      inputs = inputs.mapValues { IntegerArray(shape: $0.shape.merging(choices), values: $0.values) }
      expected = expected.map { ($0.name, RealArray(shape: $0.array.shape.merging(choices), of: $0.array)) }
    }
    guard let ids = inputs["input_ids"], ids.shape.rank == 2, ids.shape.elementCount > 0 else {
      throw .unsuitable(
        Location(path, tensor: "input_ids"), why: "fixtures need token ids of shape batch × tokens", hint: nil
      )
    }
    for (name, array) in inputs {
      let isOfSequences = Self.graphInputs.contains { $0.name == name && !$0.input.type.hasTokens }
      guard array.shape.dimensions != (isOfSequences ? [ids.shape.dimensions[0]] : ids.shape.dimensions)
      else {
        continue
      }
      throw .unsuitable(
        Location(path, tensor: name), why: "has shape \(array.shape), and input_ids \(ids.shape)", hint: nil)
    }
    self.path = path
    inputIDs = ids
    attentionMask = inputs["attention_mask"]
    otherInputs = Self.graphInputs.compactMap { name, input in
      inputs[name].map { (name, input, $0) }
    }
    labels = inputs["labels"]
    targets = inputs["targets"]
    metadata = checkpoint.metadata
  }

  private static func open(
    _ path: String, vocabularySize: Int, _ work: WorkOptions
  ) throws(IngotError) -> (Checkpoint, isState: Bool) {
    // What can't be opened as a file, such as a folder, is the opener's to judge.
    if let source = try? FileByteSource(path: path, system: work.system), source.byteCount >= 4,
      LLMCState.recognizes(firstBytes: try source.bytes(at: 0, count: 4))
    {
      return (try LLMCState.read(source, vocabularySize: vocabularySize), true)
    }
    return (try CheckpointOpener(work: work).open(path), false)
  }

  /// Rows of tokens.
  package var batchCount: Int { inputIDs.shape.dimensions[0] }

  /// Tokens a row.
  package var tokenCount: Int { inputIDs.shape.dimensions[1] }

  /// transformers' names of what goes into a graph beside ids and mask.
  private static let graphInputs: [(name: String, input: GraphInput)] = [
    ("token_type_ids", .tokenTypes), ("position_ids", .positions), ("mc_token_ids", .tokenIndexes),
  ]

  private static let inputNames: Set<String> = Set(
    ["input_ids", "attention_mask", "labels", "targets"] + graphInputs.map(\.name))

  /// transformers' names of outputs, those of models with other heads among them.
  private static let outputNames: Set<String> = [
    "last_hidden_state", "logits", "pooler_output", "prediction_logits", "seq_relationship_logits",
    "mc_logits",
    "loss",
  ]

  private static func isOutput(_ name: String) -> Bool {
    if outputNames.contains(name) { return true }
    guard name.hasPrefix("hidden_states.") else { return false }
    return Int(name.dropFirst("hidden_states.".count)) != nil
  }
}
