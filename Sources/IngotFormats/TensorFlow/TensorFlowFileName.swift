// SPDX-License-Identifier: Apache-2.0
// Names of a bundle's files: `PREFIX.index`, `PREFIX.data-00000-of-00001`, and what TensorFlow puts beside them.
import IngotBytes

/// Names of a bundle's files.
enum TensorFlowFileName {
  /// What an index's name ends with.
  static let indexSuffix = ".index"
  /// The prefix of bundles that are written here.
  static let prefix = "model.ckpt"
  /// The file that says which bundle of a folder is the latest.
  static let state = "checkpoint"
  /// The folder of a SavedModel that its weights are in, and the files beside it by which it is known.
  static let variablesFolder = "variables"
  static let graphs = ["saved_model.pb", "saved_model.pbtxt"]

  /// The prefix of an index's name; `nil` for other names.
  static func prefix(ofIndex name: String) -> String? {
    guard name.utf8.count > indexSuffix.utf8.count, name.hasSuffix(indexSuffix) else { return nil }
    return String(name.dropLast(indexSuffix.count))
  }

  /// The name of a data file.
  static func shard(_ index: Int, of count: Int, prefix: String) -> String {
    "\(prefix).data-\(padded(index))-of-\(padded(count))"
  }

  /// The name of the index that a data file belongs to; `nil` for other names.
  static func index(ofShard name: String) -> String? {
    guard let match = name.wholeMatch(of: /(.+)\.data-\d{5,}-of-\d{5,}/) else { return nil }
    return match.1 + indexSuffix
  }

  private static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
