// SPDX-License-Identifier: Apache-2.0
// Options of how a checkpoint is written, which `convert` and `merge` share.
import ArgumentParser
import IngotReport

/// How a checkpoint is written.
struct WritingOptions: ParsableArguments {
  @Option(
    name: .customLong("to"), help: "The output's format; without it, its extension tells.",
    completion: .writtenFormats)
  var format: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What floating-point tensors become, in one rounding; 'GLOB=f32' is for those of some names, the last that matches holds.",
      valueName: "dtype"))
  var dtype: [DTypeChoice] = []

  @Option(
    name: .customLong("on-overflow"),
    help:
      "What becomes of values beyond the new dtype's range, and of infinities where it has none: those become NaN. Without it, both are refused."
  )
  var onOverflow: OverflowPolicy?

  @Option(
    name: .customLong("shard-size"),
    help: ArgumentHelp(
      "Cut the output into files of at most so many bytes: 5GB, 500MiB; the output is a folder, and its name no file's.",
      valueName: "bytes"), transform: ByteCount.init)
  var shardSize: ByteCount?

  @Flag(name: .long, help: "Read the output back from disk and compare it.")
  var check = false

  @Flag(name: .long, help: "Replace an existing output.")
  var force = false

  @Flag(name: .long, help: "Compress, in formats that can (npz).")
  var compress = false

  @Flag(name: .customLong("npy-bits"), help: "Keep dtypes that NumPy lacks (BF16, F8) as unsigned bits.")
  var npyBits = false

  @Option(
    name: .long, help: "Checksums that .ingot stores beside its own: sha256.", completion: .list(["sha256"]))
  var digests: String?

  /// Sets them.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a dtype or a checksum that there is not.
  func set(_ options: inout some OutputOptions) throws(IngotError) {
    for choice in dtype where !ConvertOptions.dtypes.contains(choice.dtype) {
      throw .invalidRequest(option: .dtype, why: "nothing is converted to \(choice.dtype)")
    }
    if let digests, digests.lowercased() != "sha256" {
      throw .invalidRequest(option: .storesSHA256, why: "\(digests) is not sha256")
    }
    options.format = format
    options.dtype = dtype.last { $0.pattern == nil }?.dtype
    options.dtypeRules = dtype.compactMap { choice in choice.pattern.map { DTypeRule($0, choice.dtype) } }
    options.onOverflow = onOverflow ?? .refuse
    options.shardByteLimit = shardSize?.value
    (options.force, options.check) = (force, check)
    (options.compresses, options.keepsUnknownBits) = (compress, npyBits)
    options.storesSHA256 = digests != nil
  }
}

/// A dtype for all tensors, or for those of some names: `bf16`, `*norm*=f32`.
struct DTypeChoice: ExpressibleByArgument {
  let pattern: Glob?
  let dtype: DType

  init?(argument: String) {
    let rule = argument.divided(at: "=", last: true)
    guard let dtype = DType(caseInsensitive: rule?.1 ?? argument) else { return nil }
    self.dtype = dtype
    pattern = rule.map { Glob($0.0) }
  }

  static var allValueStrings: [String] { DType.allValueStrings }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
