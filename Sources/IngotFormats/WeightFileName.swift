// SPDX-License-Identifier: Apache-2.0
// Names of weight files in a folder: a stem, which a library looks for, a number where they are several, and the
// format's extension.
import IngotBytes
import IngotCore

/// Names of weight files.
package enum WeightFileName {
  /// The part of a weight file's name before its number and extension: `model` of `model-00001-of-00002.safetensors`.
  ///
  /// - Parameter path: a weight file, one of a set's, or a bundle's data file.
  /// - Returns: the stem, without folders.
  package static func stem(of path: String) -> String {
    let name = FilePath.name(of: path)
    if let index = TensorFlowFileName.index(ofShard: name) {
      return TensorFlowFileName.prefix(ofIndex: index) ?? index
    }
    let stem = FilePath.stem(of: name)
    return stem.wholeMatch(of: /(.+)-\d{5,6}-of-\d{5,6}/).map { String($0.1) } ?? stem
  }

  /// The part that the names of a set's files begin with: that of the first where it has a number, else that of the index.
  ///
  /// - Parameters:
  ///   - files: the names of the weight files.
  ///   - index: the index's name, when there is one.
  /// - Returns: the stem; `nil` for no files.
  static func stem(ofSet files: [String], index: String?) -> String? {
    guard let first = files.first else { return nil }
    let stem = stem(of: first)
    guard stem == FilePath.stem(of: first), let index,
      let match = index.wholeMatch(of: /(.+?)(?:\.safetensors|\.bin)?\.index(\.[^.]+)?\.json/)
    else { return stem }
    return "\(match.1)\(match.2 ?? "")"
  }

  /// The name of the one weight file of a folder.
  ///
  /// - Parameters:
  ///   - format: the format that is written.
  ///   - source: the checkpoint whose stem it keeps; `nil`, or a stem that is its format's own, for what libraries look
  ///     for in this format.
  /// - Returns: the name, without folders.
  package static func inFolder(_ format: any CheckpointFormat, keepingStemOf source: Checkpoint? = nil)
    -> String
  {
    if let name = format.fileName { return name }
    let stem = source.flatMap(givenStem) ?? ownStem(of: format.id)
    let kind = ShardSetKind.all.first { $0.format.id == format.id }
    return stem + (kind?.suffix ?? "." + (format.fileExtensions.first ?? format.id))
  }

  /// The stem of a checkpoint's weight files, unless it is its format's own.
  package static func givenStem(of source: Checkpoint) -> String? {
    guard let stem = source.stem, stem != ownStem(of: source.format) else { return nil }
    return stem
  }

  /// The name of one file of a set, as `huggingface_hub` gives it.
  static func shard(_ number: Int, of count: Int, named name: String) -> String {
    let stem = FilePath.stem(of: name)
    return "\(stem)-\(padded(number))-of-\(padded(count))\(name.dropFirst(stem.count))"
  }

  /// The name of the index of a set of such files: `model.safetensors.index.json`, and of a variant, as transformers and
  /// diffusers look for it, `model.safetensors.index.fp16.json`.
  ///
  /// - Parameters:
  ///   - name: the name that the one weight file would have.
  ///   - source: the checkpoint whose index keeps its name where the files keep theirs.
  /// - Returns: the name, without folders.
  package static func index(of name: String, keepingNameOf source: Checkpoint? = nil) -> String {
    if let source, let index = source.indexName, source.stem == FilePath.stem(of: name),
      ShardSetKind.all.contains(where: { $0.format.id == source.format && name.hasSuffix($0.suffix) })
    {
      return index
    }
    let (stem, suffix) = (FilePath.stem(of: name), name.dropFirst(FilePath.stem(of: name).count))
    for own in variedStems where stem.hasPrefix(own + ".") {
      let variant = stem.dropFirst(own.count)
      if !variant.dropFirst().contains(".") { return "\(own)\(suffix).index\(variant).json" }
    }
    return name + ShardSetKind.indexSuffix
  }

  /// The stems of libraries that have variants of weights.
  private static let variedStems = [
    ShardSetKind.safetensors.stem, ShardSetKind.pytorch.stem, "diffusion_pytorch_model",
  ]

  /// The stem that libraries look for in files of a format.
  private static func ownStem(of format: String) -> String {
    if format == TensorFlowFormat().id { return TensorFlowFileName.prefix }
    if let name = FormatRegistry.format(id: format)?.fileName { return FilePath.stem(of: name) }
    return ShardSetKind.all.first { $0.format.id == format }?.stem ?? ShardSetKind.safetensors.stem
  }

  /// A number with five digits.
  private static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
