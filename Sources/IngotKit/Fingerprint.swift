// SPDX-License-Identifier: Apache-2.0
// What makes two runs the same work, so that one may go on with what the other has written.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels
import IngotModels

extension ConvertOptions {
  /// The options that decide on the bytes that come out, by the names of their properties.
  package var deciding: [(name: String, values: [String])] {
    [
      ("format", [format ?? ""]), ("dtype", [dtype?.rawValue ?? ""]),
      ("dtypeRules", dtypeRules.flatMap { [$0.pattern.pattern, $0.dtype.rawValue] }),
      ("onOverflow", [onOverflow.rawValue]),
      ("selection", ["\(selection.include.count)"] + (selection.include + selection.exclude).map(\.pattern)),
      ("dialect", [dialect ?? ""]), ("program", [program?.rawValue ?? ""]), ("renames", renames.map(\.rule)),
      ("head", [head.rawValue]), ("config", [config ?? ""]),
      ("shardByteLimit", [shardByteLimit.map(String.init) ?? ""]),
      ("modelParallelCount", [modelParallelCount.map(String.init) ?? ""]),
      ("embeddingCut", [embeddingCut?.rawValue ?? ""]), ("compresses", ["\(compresses)"]),
      ("keepsUnknownBits", ["\(keepsUnknownBits)"]), ("storesSHA256", ["\(storesSHA256)"]),
      ("reading.rawDTypes", reading.rawDTypes.flatMap { [$0.pattern.pattern, $0.dtype.rawValue] }),
      (
        "reading.selection",
        ["\(reading.selection.include.count)"]
          + (reading.selection.include + reading.selection.exclude).map(\.pattern)
      ),
      ("reading.isRaw", ["\(reading.isRaw)"]), ("reading.fileName", [reading.fileName ?? ""]),
    ]
  }

  /// Properties that change how the work is done, and not what comes out.
  package static let aside: Set<String> = [
    "force", "resumes", "check", "work",
  ]
}

extension Conversion {
  /// A digest of the work: the options that decide on what comes out, the sources as they are, and every byte of the plan
  /// that is known beforehand.
  static func fingerprint(
    _ plan: WritePlan, digests: Set<PartDigestKind>, options: ConvertOptions, sources: [CheckpointFile],
    system: any SystemCalls
  ) -> String {
    var digest = FingerprintDigest()
    for (name, values) in options.deciding {
      digest.add("\(name) \(values.count)")
      for value in values { digest.add(value) }
    }
    digest.add(digests.map(\.rawValue).sorted().joined(separator: " "))
    for source in sources {
      digest.add("\(source.path) \(source.byteCount) \(system.identity(at: source.path))")
    }
    for file in plan.files {
      digest.add(file.name)
      for chunk in file.chunks {
        switch chunk {
        case .bytes(let bytes): digest.add(bytes)
        case .part(let reference, let lead), .deflatedPart(let reference, let lead):
          digest.add("\(reference.tensor) \(reference.part) \(reference.share ?? -1)")
          digest.add(lead)
        }
      }
    }
    return digest.finish()
  }
}

extension SystemCalls {
  /// What tells a file from another, and from itself with other content; nothing of one that is not there.
  func identity(at path: String) -> String {
    guard let status = try? status(at: path, followingLinks: true) else { return "" }
    return "\(status.device) \(status.inode) \(status.modifiedNanoseconds) \(status.changedNanoseconds)"
  }
}

/// SHA-256 over pieces, each behind its length.
private struct FingerprintDigest: ~Copyable {
  private var digest = SHA256()

  mutating func add(_ text: String) { add(Array(text.utf8)) }

  mutating func add(_ bytes: [UInt8]) {
    var length: [UInt8] = []
    length.appendLittle(UInt64(bytes.count))
    for piece in [length, bytes] { piece.withUnsafeBytes { digest.update($0) } }
  }

  consuming func finish() -> String { digest.finishHex() }
}
