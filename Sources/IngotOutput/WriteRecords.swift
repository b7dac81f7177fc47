// SPDX-License-Identifier: Apache-2.0
// What a pass over a plan learns of the parts that it writes: checksums, what casting lost, what rounding cost.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// What was found while parts were written, by any thread.
final class WriteRecords: Sendable {
  private struct State {
    var written: WrittenParts
    var castReports: [Int: CastReport] = [:]
    var quantizationErrors: [Int: QuantizationError] = [:]
  }

  private let state: Locked<State>

  init(keeping kinds: Set<PartDigestKind>) { state = Locked(State(written: WrittenParts(keeping: kinds))) }

  var written: WrittenParts { state.withLock { $0.written } }
  var castReports: [Int: CastReport] { state.withLock { $0.castReports } }
  var quantizationErrors: [Int: QuantizationError] { state.withLock { $0.quantizationErrors } }

  /// Keeps a place for a part; returns which.
  func add(_ part: WrittenPart) -> Int {
    state.withLock { state in
      state.written.append(part)
      return state.written.count - 1
    }
  }

  /// Notes what an earlier run found of a part.
  func take(_ part: WrittenPart, castReport: CastReport?, at index: Int?) {
    state.withLock { state in
      if let index { state.written[index] = part }
      if let castReport { state.castReports[part.reference.tensor] = castReport }
    }
  }

  /// Notes what became of a part.
  func finish(_ part: WrittenPart, _ source: any TileSource, at index: Int?) {
    var part = part
    part.checksums.sourceXXH3 = source.sourceDigest
    let (cast, error, tensor) = (source.castReport, source.quantizationError, part.reference.tensor)
    state.withLock { state in
      if let index { state.written[index] = part }
      if let cast { state.castReports[tensor] = cast }
      if let error { state.quantizationErrors[tensor] = error }
    }
  }
}
