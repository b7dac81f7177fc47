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
    var stem = ownStem(of: format.id)
    if let source, let given = source.stem, given != ownStem(of: source.format) { stem = given }
    let kind = ShardSetKind.all.first { $0.format.id == format.id }
    return stem + (kind?.suffix ?? "." + (format.fileExtensions.first ?? format.id))
  }

  /// The name of one file of a set, as `huggingface_hub` gives it.
  static func shard(_ number: Int, of count: Int, named name: String) -> String {
    let stem = FilePath.stem(of: name)
    return "\(stem)-\(padded(number))-of-\(padded(count))\(name.dropFirst(stem.count))"
  }

  /// The name of the index of a set of such files.
  static func index(of name: String) -> String { name + ShardSetKind.indexSuffix }

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
