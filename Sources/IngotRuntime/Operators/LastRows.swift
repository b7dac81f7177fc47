// SPDX-License-Identifier: Apache-2.0
// A step of plans that no graph has: the last token's rows of a value, where no others are wanted from there on.

/// The last token's row of each sequence: `[B, T, D]` → `[B, 1, D]`.
struct LastRows: FloatOperator {
  func compute(_ step: FloatStep) {
    let (pass, width) = (step.pass, step.width)
    for row in 0..<pass.batchCount {
      let last = step.input(0) + ((row + 1) * pass.tokenCount - 1) * width
      (step.output + row * width).update(from: last, count: width)
    }
  }
}
