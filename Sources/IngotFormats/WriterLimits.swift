// SPDX-License-Identifier: Apache-2.0
// What a reader refuses, its writer does not make: each limit of Limits.swift is asked for on both ways.
import IngotCore
import IngotEncodings

extension DType {
  /// What to do with a tensor of this type where a format lacks it.
  var wayOut: Remedy { isCast ? .cast(to: []) : .leaveOut }
}

extension Limit {
  /// Throws for an output that its own format's reader would refuse as over this limit.
  ///
  /// - Parameters:
  ///   - count: how many there would be.
  ///   - what: of what, as `dimensions`.
  ///   - tensor: the tensor that it is about.
  ///   - target: the format's id.
  ///   - hint: what to do instead.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)``.
  func admit(
    _ count: Int, _ what: String, tensor: String? = nil, target: String, hint: Evidence? = nil
  ) throws(IngotError) {
    guard UInt64(count) > value else { return }
    throw .unrepresentable(
      tensor: tensor, target: target, why: "\(count) \(words: what), over \(value)", hint: hint)
  }

  /// Throws for a JSON document of an output that could not be read back.
  ///
  /// - Parameters:
  ///   - document: its bytes.
  ///   - what: which document it is.
  ///   - target: the format's id.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)``.
  static func admit(document: [UInt8], _ what: String, target: String) throws(IngotError) {
    try Limit.companionBytes.admit(document.count, "bytes of \(what)", target: target)
    // No document of fewer bytes than values is read: most are far below.
    guard UInt64(document.count) > Limit.jsonValues.value else { return }
    do throws(JSONFailure) {
      try JSONDocument.check(document)
    } catch {
      throw .unrepresentable(
        tensor: nil, target: target,
        why: "\(words: what) would have more than \(Limit.jsonValues.value) values",
        hint: nil)
    }
  }
}
