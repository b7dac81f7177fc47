// SPDX-License-Identifier: Apache-2.0
// What casting changed, in words for the loss report.
import IngotCore
import IngotFormats
import IngotKernels

extension PlannedOutput {
  /// A line for each tensor whose values a cast changed.
  ///
  /// - Parameters:
  ///   - result: what was written.
  ///   - onOverflow: what became of values beyond the new dtype's range.
  /// - Returns: the losses, in the order of the tensors.
  package func castLosses(_ result: PlanWriter.Result, onOverflow: OverflowPolicy) -> [Loss] {
    let reports = pieces?.merged(result.castReports) ?? result.castReports
    return reports.sorted { $0.key < $1.key }.flatMap { index, report in
      let tensor = wholeTensors[index]
      // What becomes small integers or blocks goes by way of F32, and its rounding is told by its error.
      let isQuantized = tensor.quantization != nil || tensor.blockType != nil
      let dtype = isQuantized ? DType.f32 : tensor.dtype
      var losses: [Loss] = []
      func note(_ kind: Loss.Kind, _ detail: Evidence) {
        losses.append(Loss(kind, tensor: tensor.name, detail: detail))
      }
      if report.roundedCount > 0, !isQuantized {
        note(
          .cast, "\(report.roundedCount) of \(tensor.shape.elementCount, "value") rounded to \(tensor.dtype)")
      }
      if report.overflowCount > 0 {
        note(
          .overflow,
          "\(report.overflowCount, "value") beyond the range of \(dtype), the largest of magnitude \(report.largestOverflow), became \(words: onOverflow.result(in: dtype))"
        )
      }
      if report.lostInfinityCount > 0 {
        note(
          .overflow,
          "\(report.lostInfinityCount, "infinity", "infinities") became NaN, for \(dtype) has no infinity")
      }
      return losses
    }
  }
}

extension OverflowPolicy {
  /// What values beyond a dtype's range became.
  fileprivate func result(in dtype: DType) -> String {
    if self == .saturate { return "its largest" }
    return dtype == .f8E4M3 ? "NaN, for it has no infinity" : "infinity"
  }
}
