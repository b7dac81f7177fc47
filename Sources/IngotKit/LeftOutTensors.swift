// SPDX-License-Identifier: Apache-2.0
// What holds arrays or objects and no tensor is no source: an output or a digest of it would tell of something.
import IngotCore

extension Checkpoint {
  /// Throws where all that there is was left out; a checkpoint of nothing at all is one.
  ///
  /// - Parameter path: the path as given.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` with what is left out.
  func requireTensors(at path: String) throws(IngotError) {
    guard tensors.isEmpty, let found = findings.first(where: { $0.kind == .leftOut }) else { return }
    throw .unsuitable(
      Location(path), why: "holds no tensor", hint: "\(found.subject) \(found.detail)")
  }
}
