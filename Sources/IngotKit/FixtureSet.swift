// SPDX-License-Identifier: Apache-2.0
// A file of reference outputs: the inputs that a model was run on, and what it should give.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// Integers with a shape: token ids, positions, masks.
public struct IntegerArray: Hashable, Sendable {
  /// The dimensions, `[B, T]` for all inputs.
  public var shape: Shape
  /// The values in C order.
  public var values: [Int]

  /// Makes an array.
  public init(shape: Shape, values: [Int]) {
    self.shape = shape
    self.values = values
  }
}

/// Reals with a shape: an expected output.
public struct RealArray: Hashable, Sendable {
  /// The dimensions.
  public var shape: Shape
  /// The values in C order.
  public var values: [Double]
  /// The dtype they are stored in, which bounds how well they can be met.
  public var dtype: DType

  /// Makes an array.
  public init(shape: Shape, values: [Double], dtype: DType) {
    self.shape = shape
    self.values = values
    self.dtype = dtype
  }
}

/// Inputs and expected outputs, as a fixtures file holds them.
public struct FixtureSet: Sendable {
  /// The file they come from; empty for inputs made here.
  public var path: String
  /// Token ids, `[B, T]`.
  public var inputIDs: IntegerArray
  /// 1 where a token counts, `[B, T]`.
  public var attentionMask: IntegerArray?
  /// Segments, `[B, T]`.
  public var tokenTypeIDs: IntegerArray?
  /// Positions, `[B, T]`.
  public var positionIDs: IntegerArray?
  /// Ids that the loss is taken on, shifted by one: logits at t against the label at t + 1; −100 does not count.
  public var labels: IntegerArray?
  /// Ids that the loss is taken on, not shifted.
  public var targets: IntegerArray?
  /// Expected outputs by name, in the file's order.
  public var expected: [(name: String, array: RealArray)]
  /// Arrays of names that mean nothing here.
  public var unknown: [String]
  /// The file's metadata: its producer, and the digest of the model that made it.
  public var metadata: Metadata

  /// Makes a set of inputs without expectations.
  public init(inputIDs: IntegerArray) {
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
  /// - Throws: the reader's errors, and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a file without
  ///   `input_ids` or with inputs of differing shapes.
  public init(path: String, vocabularySize: Int) throws(IngotError) {
    let checkpoint = try Self.open(path, vocabularySize: vocabularySize)
    let loader = ArrayLoader(checkpoint)
    var inputs: [String: IntegerArray] = [:]
    expected = []
    unknown = []
    for tensor in checkpoint.tensors {
      if Self.inputNames.contains(tensor.name) {
        inputs[tensor.name] = try loader.integers(tensor)
      } else if Self.isOutput(tensor.name) {
        expected.append((tensor.name, try loader.reals(tensor)))
      } else {
        unknown.append(tensor.name)
      }
    }
    guard let ids = inputs["input_ids"], ids.shape.rank == 2, ids.shape.elementCount > 0 else {
      throw .unsuitable(
        Location(path, tensor: "input_ids"), why: "fixtures need token ids of shape batch × tokens", hint: nil
      )
    }
    for (name, array) in inputs where array.shape != ids.shape {
      throw .unsuitable(
        Location(path, tensor: name), why: "has shape \(array.shape), and input_ids \(ids.shape)", hint: nil)
    }
    self.path = path
    inputIDs = ids
    attentionMask = inputs["attention_mask"]
    tokenTypeIDs = inputs["token_type_ids"]
    positionIDs = inputs["position_ids"]
    labels = inputs["labels"]
    targets = inputs["targets"]
    metadata = checkpoint.metadata
  }

  private static func open(_ path: String, vocabularySize: Int) throws(IngotError) -> Checkpoint {
    // What can't be opened as a file, such as a folder, is the opener's to judge.
    if let source = try? FileByteSource(path: path), source.byteCount >= 4,
      LLMCState.recognizes(head: try source.bytes(at: 0, count: 4))
    {
      return try LLMCState.read(source, vocabularySize: vocabularySize)
    }
    return try CheckpointOpener().open(path)
  }

  /// Rows of tokens.
  public var batchCount: Int { inputIDs.shape.dimensions[0] }

  /// Tokens a row.
  public var tokenCount: Int { inputIDs.shape.dimensions[1] }

  private static let inputNames: Set<String> = [
    "input_ids", "attention_mask", "token_type_ids", "position_ids", "labels", "targets",
  ]

  private static func isOutput(_ name: String) -> Bool {
    let fixed = ["last_hidden_state", "logits", "pooler_output", "seq_relationship_logits", "loss"]
    if fixed.contains(name) { return true }
    guard name.hasPrefix("hidden_states.") else { return false }
    return Int(name.dropFirst("hidden_states.".count)) != nil
  }
}

/// Loads small arrays whole.
struct ArrayLoader {
  private let files: SourceFiles
  private let path: String

  init(_ checkpoint: Checkpoint) {
    files = SourceFiles(checkpoint.files)
    path = checkpoint.files.first?.path ?? ""
  }

  /// Bytes of a part in canonical order, converted when asked to.
  func bytes(_ part: LazyPart) throws(IngotError) -> [UInt8] {
    let tiles = try part.open(files: files, scratchFolder: defaultScratchFolder)
    var bytes: [UInt8] = []
    // The length is backed by the file: raw parts lie inside it, deflated ones have a declared length that decoding
    // checks piece by piece.
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in bytes.append(contentsOf: tile) }
    return bytes
  }

  /// Integers of any width.
  func integers(_ tensor: TensorDescriptor) throws(IngotError) -> IntegerArray {
    guard let width = tensor.dtype.byteWidth,
      [.signedInteger, .unsignedInteger, .boolean].contains(tensor.dtype.family)
    else {
      throw .unsuitable(
        Location(path, tensor: tensor.name), why: "is \(tensor.dtype), not integers", hint: nil)
    }
    let raw = try bytes(.stored(name: tensor.name, tensor.parts[0]))
    let isSigned = tensor.dtype.family == .signedInteger
    var values: [Int] = []
    values.reserveCapacity(tensor.shape.elementCount)
    for start in stride(from: 0, to: raw.count, by: width) {
      var bits: UInt64 = 0
      for (index, byte) in raw[start..<(start + width)].enumerated() {
        bits |= UInt64(byte) << (8 * UInt64(index))
      }
      let shift = UInt64(64 - 8 * width)
      let value =
        isSigned ? Int(exactly: Int64(bitPattern: bits << shift) >> Int64(shift)) : Int(exactly: bits)
      guard let value else {
        throw .unsuitable(
          Location(path, tensor: tensor.name), why: "holds \(bits), which no id or position is", hint: nil)
      }
      values.append(value)
    }
    return IntegerArray(shape: tensor.shape, values: values)
  }

  /// Reals of any floating dtype, exactly.
  func reals(_ tensor: TensorDescriptor) throws(IngotError) -> RealArray {
    guard tensor.dtype.isFloating, let stored = tensor.values else {
      throw .unsuitable(
        Location(path, tensor: tensor.name), why: "is \(words: tensor.typeName), not floating point",
        hint: nil)
    }
    return RealArray(shape: tensor.shape, values: try doubles(stored), dtype: tensor.dtype)
  }

  /// Values of any dtype that doubles hold.
  func doubles(_ part: LazyPart) throws(IngotError) -> [Double] {
    let tiles = try part.casting(to: .f64, onOverflow: .infinity).open(
      files: files, scratchFolder: defaultScratchFolder)
    var values: [Double] = []
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
      values += try Elements(tile, tiles.elementType).doubles()
    }
    return values
  }
}
