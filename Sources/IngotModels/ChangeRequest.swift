// SPDX-License-Identifier: Apache-2.0
// What conversions need to know of what a user asks for.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels

/// What is to become of a checkpoint's names, layouts and values.
package struct ChangeRequest: Sendable {
  /// What floating-point tensors become; `nil` keeps them.
  package var dtype: DType?
  /// What those of some names become; the last that matches holds.
  package var dtypeRules: [DTypeRule] = []
  /// What becomes of values beyond the new dtype's range.
  package var onOverflow: OverflowPolicy = .refuse
  /// Which tensors are taken.
  package var selection = TensorSelection()
  /// The dialect that names and layouts become: an id, or `keep`; `nil` keeps them unless the target format belongs to
  /// one program.
  package var dialect: String?
  /// The program that the output is made for.
  package var program: TargetProgram?
  /// What becomes of a head that is tied to the token embedding.
  package var head = HeadTie.asIs
  /// The config's file; `nil` to look for it.
  package var config: String?
  /// How the work is done.
  package var work = WorkOptions()

  /// Asks for nothing to change.
  package init() {}
}
