// SPDX-License-Identifier: Apache-2.0
// A model that Meta's code has cut for several processors: consolidated.00.pth, consolidated.01.pth, … each hold a part of
// nearly every tensor. Page: formats/pytorch.md, "Sets that are cut"; meta-llama/llama-models: models/checkpoint.py.
import IngotBytes
import IngotCore
import IngotEncodings

/// The files of a model that is cut for several processors.
struct ParallelShards {
  /// Their names, in their order.
  let names: [String]

  /// Takes names that were chosen before.
  init(names: [String]) { self.names = names }

  /// The set among the names of a folder; `nil` where there is none, or only one file.
  ///
  /// - Parameter names: what stands in the folder.
  init?(among names: [String]) {
    let numbered = names.compactMap { name in
      name.wholeMatch(of: /consolidated\.(\d{2})\.pth/).flatMap { Int($0.1) }
    }
    // A gap is a file that is missing, which opening it tells.
    guard let last = numbered.max(), last > 0 else { return nil }
    self.names = (0...last).map(Self.name)
  }

  /// The set that a file is the first of; `nil` for any other file.
  ///
  /// - Parameter source: the file.
  init?(startingWith source: any ByteSource) {
    guard FilePath.name(of: source.path) == Self.name(0) else { return nil }
    var names = [Self.name(0)]
    while names.count < 100, (try? source.sibling(named: Self.name(names.count))) != nil {
      names.append(Self.name(names.count))
    }
    guard names.count > 1 else { return nil }
    self.names = names
  }

  /// The name of one of the files, which has two digits.
  static func name(_ number: Int) -> String { "consolidated.\(number < 10 ? "0" : "")\(number).pth" }

  /// How a tensor is cut.
  enum Cut: Hashable {
    /// Rows, the first dimension.
    case rows
    /// Columns, the last one.
    case columns
    /// Not at all: each file has it whole.
    case whole
  }

  /// Ends of names, as Meta's code has them, with how it cuts them: layers that are parallel by their outputs or inputs.
  private static let cuts: [(end: String, cut: Cut)] = [
    ("attention.wq.weight", .rows), ("attention.wk.weight", .rows), ("attention.wv.weight", .rows),
    ("attention.wo.weight", .columns), ("feed_forward.w1.weight", .rows),
    ("feed_forward.w2.weight", .columns),
    ("feed_forward.w3.weight", .rows), ("output.weight", .rows),
  ]
  static let embedding = "tok_embeddings.weight"
  /// The vector whose length is the model's width.
  static let width = "norm.weight"

  /// How a tensor is cut, by its name, where it is not the embedding.
  static func cut(ofName name: String) -> Cut { cuts.first { name.hasSuffix($0.end) }?.cut ?? .whole }

  /// Whether a tensor is made of heads of keys or values, which may be fewer than the files.
  static func isOfKeys(_ name: String) -> Bool {
    name.hasSuffix("attention.wk.weight") || name.hasSuffix("attention.wv.weight")
  }

  /// Puts the parts together.
  ///
  /// - Parameters:
  ///   - parts: the files' checkpoints, in the order of ``names``.
  ///   - parameters: params.json beside them; `nil` where there is none.
  ///   - path: the first file, for messages.
  /// - Returns: one checkpoint with whole tensors.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PT-40 for files with other tensors than the first
  ///   one's, and PT-41 for parts that do not fit.
  func join(_ parts: [Checkpoint], parameters: Metadata?, path: String) throws(IngotError) -> Checkpoint {
    guard let first = parts.first else { throw .internal("a set without files") }
    var joined = first
    joined.tensors = []
    var byName: [[ExactName: TensorDescriptor]] = []
    for (index, part) in parts.enumerated() {
      let firstFile = index == 0 ? 0 : joined.files.count
      if index > 0 {
        joined.files += part.files
        joined.findings += part.findings
        joined.indexByteCount += part.indexByteCount
      }
      let moved = part.tensors.map { $0.movingFiles(by: firstFile) }
      byName.append(Dictionary(moved.map { (ExactName($0.name), $0) }) { known, _ in known })
      guard moved.count == first.tensors.count else {
        throw Self.otherTensors(path, "\(moved.count, "tensor") in \(names[index])", first.tensors.count)
      }
    }
    let width = first.tensors.first { $0.name == Self.width }?.shape.dimensions.first
    let heads = KeyHeads(parameters, shardCount: parts.count)
    for tensor in first.tensors {
      var pieces: [TensorDescriptor] = []
      for (index, tensors) in byName.enumerated() {
        guard let piece = tensors[ExactName(tensor.name)] else {
          throw Self.otherTensors(path, "no \(tensor.name) in \(names[index])", first.tensors.count)
        }
        pieces.append(piece)
      }
      joined.tensors.append(try whole(pieces, width: width, heads: heads, path: path))
    }
    return joined
  }

  private static func otherTensors(_ path: String, _ found: Evidence, _ count: Int) -> IngotError {
    .malformed(
      PyTorchRule.cutTensors.rule, at: Location(path), found: found,
      expected: "the \(count, "tensor") of the first file in each")
  }

  /// One tensor of its parts.
  private func whole(
    _ pieces: [TensorDescriptor], width: Int?, heads: KeyHeads, path: String
  ) throws(IngotError) -> TensorDescriptor {
    guard let first = pieces.first else { throw .internal("a tensor without parts") }
    func misfit(_ piece: TensorDescriptor) -> IngotError {
      .malformed(
        PyTorchRule.cutFit.rule, at: Location(path, tensor: first.name),
        found: "a part of \(piece.dtype) \(piece.shape)",
        expected: "\(first.dtype) \(first.shape), as the first")
    }
    for piece in pieces
    where piece.dtype != first.dtype || piece.shape != first.shape || piece.parts.count != 1
      || piece.blockType != nil
    {
      throw misfit(piece)
    }
    let cut = try Self.cut(of: first, width: width, shardCount: pieces.count, path: path)
    guard cut != .whole, first.shape.rank == 2 else { return first }
    let kept = Self.isOfKeys(first.name) ? heads.distinct(pieces) : pieces
    return try Self.joined(kept, cut, path: path)
  }

  /// How a tensor is cut: by its name, and the embedding by which of its sides is a part.
  private static func cut(
    of tensor: TensorDescriptor, width: Int?, shardCount: Int, path: String
  ) throws(IngotError) -> Cut {
    guard tensor.name == embedding else { return cut(ofName: tensor.name) }
    // Llama 1 and 2 cut its columns, Llama 3 its rows.
    let columns = tensor.shape.dimensions.last ?? 0
    if columns == width { return .rows }
    if columns.checkedMultiply(shardCount) == width { return .columns }
    throw .malformed(
      PyTorchRule.cutFit.rule, at: Location(path, tensor: tensor.name), found: "rows of \(columns)",
      expected: "\(width ?? 0), or that by \(shardCount)")
  }

  private static func joined(
    _ pieces: [TensorDescriptor], _ cut: Cut, path: String
  ) throws(IngotError) -> TensorDescriptor {
    guard let first = pieces.first else { throw .internal("a tensor without parts") }
    guard pieces.count > 1 else { return first }
    let axis = cut == .rows ? 0 : 1
    var dimensions = first.shape.dimensions
    let length = dimensions[axis].checkedMultiply(pieces.count)
    dimensions[axis] = length ?? 0
    guard length != nil, let shape = Shape(dimensions), shape.byteCount(of: first.dtype) != nil else {
      throw .malformed(
        PyTorchRule.cutFit.rule, at: Location(path, tensor: first.name), found: "\(first.shape)",
        expected: "parts whose sum is no overflow")
    }
    let boxes = pieces.indices.map { index in
      var starts = [0, 0]
      starts[axis] = index * first.shape.dimensions[axis]
      return JoinedBox(box: ElementBox(starts: starts, shape: first.shape), storage: pieces[index].storage)
    }
    return TensorDescriptor(
      name: first.name, dtype: first.dtype, shape: shape, storage: TensorStorage(joining: boxes))
  }
}

/// Which files hold heads of keys and values of their own: where there are more files than heads, neighbours hold the same.
private struct KeyHeads {
  private let copies: Int

  init(_ parameters: Metadata?, shardCount: Int) {
    let heads = parameters?["n_kv_heads"]?.integer ?? parameters?["n_heads"]?.integer ?? shardCount
    copies = heads > 0 && heads < shardCount && shardCount.isMultiple(of: heads) ? shardCount / heads : 1
  }

  /// The first of each run of copies.
  func distinct(_ pieces: [TensorDescriptor]) -> [TensorDescriptor] {
    stride(from: 0, to: pieces.count, by: copies).map { pieces[$0] }
  }
}
