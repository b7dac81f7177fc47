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
    var castReports: [PartReference: CastReport] = [:]
    var quantizationErrors: [PartReference: QuantizationError] = [:]
    var outliers: [Int: MatrixOutliers] = [:]
  }

  private let state: Locked<State>

  init(keeping kinds: Set<PartDigestKind>) { state = Locked(State(written: WrittenParts(keeping: kinds))) }

  var written: WrittenParts { state.withLock { $0.written } }
  var castReports: [Int: CastReport] {
    Self.byTensor(state.withLock { $0.castReports }) { $0.merge($1) }
  }
  var quantizationErrors: [Int: QuantizationError] {
    Self.byTensor(state.withLock { $0.quantizationErrors }) { $0.merge($1) }
  }

  /// The outlying channels of each tensor that was rounded to int8, as its parts are written: one of them holds the integers.
  var outliers: [Int: MatrixOutliers] { state.withLock { $0.outliers } }

  /// What was found in the parts of each tensor, put together in their order, whichever was written first.
  private static func byTensor<Finding>(
    _ findings: [PartReference: Finding], merge: (inout Finding, Finding) -> Void
  ) -> [Int: Finding] {
    var found: [Int: Finding] = [:]
    for (reference, finding) in findings.sorted(by: { $0.key < $1.key }) {
      guard var total = found[reference.tensor] else {
        found[reference.tensor] = finding
        continue
      }
      merge(&total, finding)
      found[reference.tensor] = total
    }
    return found
  }

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
      if let castReport { state.castReports[part.reference] = castReport }
    }
  }

  /// Notes what became of a part.
  func finish(_ part: WrittenPart, _ source: any TileSource, at index: Int?) {
    var part = part
    part.checksums.sourceXXH3 = source.sourceDigest
    let (cast, error) = (source.castReport, source.quantizationError)
    let outliers = source.peaks?.outliers
    state.withLock { state in
      if let index { state.written[index] = part }
      if let cast { state.castReports[part.reference] = cast }
      if let error { state.quantizationErrors[part.reference] = error }
      if let outliers { state.outliers[part.reference.tensor] = outliers }
    }
  }
}
