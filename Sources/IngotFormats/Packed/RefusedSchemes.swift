// SPDX-License-Identifier: Apache-2.0
// Schemes that are known by their tensors' names and not read: what they hold is refused by name, so that no cast makes
// numbers of codes. A scheme that is learned to be read leaves this table.
import IngotCore

extension PackedScheme {
  /// The schemes that are refused.
  static let refused = [
    refusal("EXL2", [".q_weight"], [".q_groups", ".q_invperm", ".q_scale", ".q_scale_max", ".q_perm"]),
    refusal("EXL3", [".trellis"], [".suh", ".svh", ".su", ".sv"]),
    refusal("AQLM", [".codebooks"], [".codes", ".scales"]),
    refusal("HQQ", [".W_q"], [".scale", ".zero", ".shape", ".group_size", ".nbits", ".axis", ".packing"]),
    refusal("QuIP#", [".Qidxs"], [".SU", ".SV", ".Wscale", ".codebook_id", ".fuse_scales"]),
    refusal("Marlin", [".B"], [".s"], requiring: ".s"),
    refusal("SpQR", [".dense_weights"], [".row_offsets", ".col_vals", ".in_perm"]),
    refusal("VPTQ", [".centroids.weight"], [".indices", ".weight_scale", ".weight_bias", ".perm"]),
    refusal(
      "quanto of fewer than 8 bits", [".weight._data._data"], [".weight._scale", ".weight._shift"]),
  ]

  private static func refusal(
    _ name: String, _ anchors: [String], _ companions: [String], requiring required: String? = nil
  ) -> PackedScheme {
    PackedScheme(id: name, anchors: anchors, companions: companions, isDistinct: false) {
      (group) throws(PackedFault) in
      if let required, group.find(required) == nil { return nil }
      throw .unknown("it is one of \(words: name), which is not read")
    }
  }
}
