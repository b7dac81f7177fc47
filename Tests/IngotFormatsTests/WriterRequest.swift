// SPDX-License-Identifier: Apache-2.0
// What tests of writers ask alike: to write a checkpoint that was read, somewhat changed, and a refusal by name.
import IngotCore
import IngotFormats
import Testing

extension WriteRequest {
  /// All of a checkpoint, with a change.
  init(of checkpoint: Checkpoint, _ change: (inout WriteRequest) -> Void = { _ in }) {
    self.init(
      tensors: checkpoint.tensors.map { PlannedTensor(name: $0.name, $0.type) },
      metadata: checkpoint.metadata, fileName: "out.bin")
    change(&self)
  }
}

/// Expects that a writer says why it can't represent what is asked for.
func expectUnrepresentable(_ word: String, _ request: WriteRequest, by writer: some CheckpointWriter) {
  let error = #expect(throws: IngotError.self) { _ = try writer.plan(request) }
  guard case .unrepresentable(_, _, let why, _)? = error else {
    Issue.record("\(String(describing: error))")
    return
  }
  #expect("\(why)".contains(word), "\(why)")
}
