// SPDX-License-Identifier: Apache-2.0
// Which files beside weights travel with them: every one that is no weight file, hidden, or a cache. A rule and not a list
// of names; the few names in a list are those whose content is known.
import IngotBytes
import IngotCore

/// The rule by which files beside weights are companions.
package enum CompanionName {
  /// Known names, in the order in which companions are listed.
  package static let known: [(name: String, kind: Companion.Kind)] = [
    ("config.json", .config), ("hparams.json", .config), ("params.json", .config),
    ("generation_config.json", .generationConfig),
    ("tokenizer.json", .tokenizer), ("tokenizer_config.json", .tokenizer),
    ("special_tokens_map.json", .tokenizer),
    ("added_tokens.json", .tokenizer), ("vocab.json", .tokenizer), ("merges.txt", .tokenizer),
    ("encoder.json", .tokenizer), ("vocab.bpe", .tokenizer), ("vocab.txt", .tokenizer),
    ("tokenizer.model", .tokenizer), ("chat_template.jinja", .tokenizer),
    (pooling, .other), (quantization, .other),
  ]

  /// How the states of a text's tokens become one vector, as sentence-transformers keeps it.
  package static let pooling = "1_Pooling/config.json"

  /// What GPTQ's first programs wrote beside a config instead of into it.
  package static let quantization = "quantize_config.json"

  /// What a file beside weights is by its name.
  package enum Judgement: Hashable, Sendable {
    case companion(Companion.Kind)
    /// Weights, or the index of some.
    case weights
    /// A hidden file, or one in a hidden folder or a cache.
    case hidden
  }

  /// Extensions of weights in formats that are not read.
  private static let foreignExtensions: Set<String> = [
    "ggml", "h5", "hdf5", "joblib", "keras", "mlmodel", "msgpack", "nemo", "onnx", "onnx_data", "ot", "pb",
    "pkl",
    "pickle", "ptl", "pte", "tflite",
  ]

  /// Judges a file by its path below the folder of the weights.
  package static func judge(_ path: String) -> Judgement {
    let parts = path.split(separator: "/")
    if parts.contains(where: { isHidden(String($0)) }) { return .hidden }
    if isWeights(FilePath.name(of: path)) { return .weights }
    return .companion(kind(of: path))
  }

  /// Whether something here reads a companion of this path.
  package static func isKnown(_ path: String) -> Bool { known.contains { $0.name == path } }

  /// What a companion is for, by its path.
  package static func kind(of path: String) -> Companion.Kind {
    known.first { $0.name == path }?.kind ?? .other
  }

  /// Whether a file or folder of this name is left where it is, with all that is in it.
  package static func isHidden(_ name: String) -> Bool { name.hasPrefix(".") || name == "__pycache__" }

  /// Whether a file is, by its name, the index of a set.
  package static func isIndex(_ path: String) -> Bool { path.wholeMatch(of: /.+\.index(\..+)?\.json/) != nil }

  private static func isWeights(_ name: String) -> Bool {
    isIndex(name) || foreignExtensions.contains(FilePath.fileExtension(of: name))
      || FormatRegistry.formats.contains { $0.owns(fileName: name) }
  }

  /// The order in which companions are listed: known names in theirs, then the others by their bytes.
  package static func precedes(_ left: String, _ right: String) -> Bool {
    func rank(_ name: String) -> Int { known.firstIndex { $0.name == name } ?? known.count }
    let ranks = (rank(left), rank(right))
    return ranks.0 == ranks.1 ? left.utf8.lexicographicallyPrecedes(right.utf8) : ranks.0 < ranks.1
  }
}

/// Paths of companions that are to stand in one folder.
struct CompanionPaths {
  private var paths = Set<ExactName>()

  /// Adds a path; `false` for one that leads out of the folder or too deep, or is taken.
  mutating func insert(_ path: String) -> Bool {
    FilePath.isPlainPath(path) && Self.folders(of: path).count <= Limit.companionDepth.value
      && paths.insert(ExactName(path)).inserted
  }

  /// Whether a path is below one that is a file's.
  func isBelowFile(_ path: String) -> Bool {
    Self.folders(of: path).contains { paths.contains(ExactName(String(path[..<$0]))) }
  }

  /// The ends of the folders that a path is in.
  private static func folders(of path: String) -> [String.Index] {
    path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }
  }
}

extension Companion {
  /// What is said of a file that its name makes a companion and that holds weights all the same; `nil` for others.
  ///
  /// A zip that holds no PyTorch checkpoint is no weights.
  package var holdingWeights: Loss? {
    let firstBytes = Array(bytes.prefix(FormatRegistry.firstByteCount))
    let holdsWeights = FormatRegistry.formats.contains {
      $0.id != "npz" && $0.recognizes(firstBytes: firstBytes, byteCount: bytes.count)
    }
    return kind == .other && holdsWeights ? Loss.leftBehind(name, as: .weights) : nil
  }
}

extension Loss {
  /// A file beside weights that does not travel.
  package static func leftBehind(_ path: String, _ why: Evidence) -> Loss {
    Loss(.companion, detail: "\(path): \(why)")
  }

  /// A file that its name alone keeps from travelling; `nil` for a companion.
  package static func leftBehind(_ path: String, as judgement: CompanionName.Judgement) -> Loss? {
    switch judgement {
    case .companion: nil
    case .weights: leftBehind(path, "weights beside those that are read")
    case .hidden: leftBehind(path, "hidden files and caches stay")
    }
  }

  /// A file that is too large to travel.
  package static func leftBehind(_ path: String, byteCount: Int) -> Loss {
    leftBehind(
      path,
      "\(byteCount, "byte"), over the \(Limit.travellingBytes.value) of a file that goes along, or those of all"
    )
  }
}
