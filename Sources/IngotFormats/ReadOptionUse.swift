// SPDX-License-Identifier: Apache-2.0
// Options of reading that were given and that nothing needs: `--from` for what is one file, `--npy-dtype` for arrays that
// are of a type or not there.
import IngotBytes
import IngotCore

extension ReadOptions {
  /// Throws unless each option has an effect on one of some checkpoints.
  ///
  /// - Parameters:
  ///   - paths: the paths that they were opened by.
  ///   - checkpoints: the checkpoints.
  ///   - work: how they were opened.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` naming the option.
  package func requireUse(
    at paths: [String], by checkpoints: [Checkpoint], work: WorkOptions
  ) throws(IngotError) {
    if fileName != nil {
      let opener = CheckpointOpener(options: self, work: work)
      var isUsed = false
      for path in paths where try opener.isChosenFrom(path) { isUsed = true }
      guard isUsed else {
        throw .invalidRequest(
          option: .fileName, why: "\(paths.joined(separator: " and ")) is one file, with none to choose from")
      }
    }
    for (pattern, dtype) in rawDTypes {
      let arrays = checkpoints.filter { ["npy", "npz"].contains($0.format) }.flatMap(\.tensors)
      guard !arrays.contains(where: { $0.dtype == dtype && pattern.matches($0.name) }) else { continue }
      throw .invalidRequest(
        option: .rawDTypes, why: "\(pattern.pattern) matches no NumPy array of raw bytes that are \(dtype)"
      )
    }
  }
}
