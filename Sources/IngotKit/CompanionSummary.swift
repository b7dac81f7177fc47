// SPDX-License-Identifier: Apache-2.0
// Which small files go with a checkpoint, and which other weights stand beside it: names and lengths; none is opened.
import IngotBytes
import IngotCore
import IngotFormats
import IngotOutput

/// A small file that goes with weights.
public struct CompanionSummary: Hashable, Sendable {
  /// Its path below the folder of the weights.
  public var name: String
  /// What it is for.
  public var kind: Companion.Kind
  /// Its length in bytes.
  public var byteCount: Int

  /// Those inside a checkpoint, else those beside it; and the names of other weight files there.
  static func all(
    of checkpoint: Checkpoint, at path: String, _ work: WorkOptions
  ) -> (companions: [CompanionSummary], otherWeights: [String]) {
    guard checkpoint.companions.isEmpty else {
      return (
        checkpoint.companions.map {
          CompanionSummary(name: $0.name, kind: $0.kind, byteCount: $0.bytes.count)
        }, []
      )
    }
    let scan = CompanionScan(of: path, checkpoint, system: work.system)
    return (
      scan.entries.map { CompanionSummary(name: $0.name, kind: $0.kind, byteCount: $0.byteCount) },
      scan.otherWeights
    )
  }
}
