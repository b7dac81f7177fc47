// SPDX-License-Identifier: Apache-2.0
// What every command that writes a checkpoint of another one may be asked for, and what follows from it.
import IngotCore
import IngotFormats
import IngotModels
import IngotOutput

/// How an output is written.
package protocol OutputOptions {
  /// The output's format id; `nil` takes it from the output's extension.
  var format: String? { get set }
  /// What floating-point tensors become; `nil` keeps them.
  var dtype: DType? { get set }
  /// What those of some names become; the last that matches holds.
  var dtypeRules: [DTypeRule] { get set }
  /// What becomes of values beyond the dtype's range.
  var onOverflow: OverflowPolicy { get set }
  /// The most bytes of tensors in one file.
  var shardByteLimit: Int? { get set }
  /// Whether an existing output is replaced.
  var force: Bool { get set }
  /// Whether the output is read back and compared.
  var check: Bool { get set }
  /// Whether to compress, in formats that can.
  var compresses: Bool { get set }
  /// Whether dtypes that the format lacks are kept as bits, in formats that can.
  var keepsUnknownBits: Bool { get set }
  /// Whether SHA-256 of each tensor is stored, in formats that can.
  var storesSHA256: Bool { get set }
}

extension ConvertOptions: OutputOptions {}
extension MergeOptions: OutputOptions {}

extension OutputOptions {
  /// Throws for what the output can't do.
  func requireAbilities(of destination: OutputDestination) throws(IngotError) {
    if destination.isStream, check {
      throw .invalidRequest(option: .check, why: "standard output can't be read back; name a file")
    }
    if compresses { try destination.require(.compressing, for: .compresses) }
    if keepsUnknownBits { try destination.require(.keepingUnknownBits, for: .keepsUnknownBits) }
    if storesSHA256 { try destination.require(.storingSHA256, for: .storesSHA256) }
  }

  /// Passes on what concerns the writer.
  func configure(_ draft: inout OutputBuilder, keepsLongNames: Bool) {
    draft.configure { request in
      request.shardByteLimit = shardByteLimit
      request.compresses = compresses
      request.keepsUnknownBits = keepsUnknownBits
      request.storesSHA256 = storesSHA256
      request.keepsLongNames = keepsLongNames
    }
  }
}

extension Checkpoint {
  /// The most resident memory, in bytes, that writing all of it takes beyond the program's own: 64 MiB, and what follows from
  /// the number of tensors and from the files that travel along.
  func writingBound(_ companions: Companions) -> Int {
    // Pickles are objects before they are tensors.
    let tensorByteCount = format == PyTorchFormat().id ? 512 : 256
    return 64 << 20 + 2 * indexByteCount + tensorByteCount * tensors.count
      + 2 * companions.files.reduce(0) { $0 + $1.bytes.count }
  }
}
