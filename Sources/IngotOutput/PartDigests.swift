// SPDX-License-Identifier: Apache-2.0
// The checksums of one written part, or of a stretch of it, taken while its bytes are in the cache.
import IngotBytes
import IngotFormats

/// Takes the checksums asked for.
final class PartDigests {
  /// These alone can be taken of stretches, and put together.
  static let divisible: Set<PartDigestKind> = [.crc32, .crc32c]

  private var crc: CRC32?
  private var crc32c: CRC32C?
  private var xxh3: XXH3?
  private var sha256: SHA256?

  init(_ kinds: Set<PartDigestKind>) {
    if kinds.contains(.crc32) { crc = CRC32() }
    if kinds.contains(.crc32c) { crc32c = CRC32C() }
    if kinds.contains(.xxh3) { xxh3 = XXH3() }
    if kinds.contains(.sha256) { sha256 = SHA256() }
  }

  /// Feeds bytes that stand before the part's own and belong to its CRC-32.
  func updateLead(_ lead: [UInt8]) {
    lead.withUnsafeBytes { crc?.update($0) }
  }

  /// Feeds the part's bytes.
  func update(_ tile: UnsafeRawBufferPointer) {
    crc?.update(tile)
    crc32c?.update(tile)
    xxh3?.update(tile)
    sha256?.update(tile)
  }

  /// Appends what was taken of the stretch behind.
  func append(_ next: PartDigests) {
    if let following = next.crc { crc?.append(following) }
    if let following = next.crc32c { crc32c?.append(following) }
  }

  /// The checksums; nothing may be fed afterwards.
  func finish() -> PartChecksums {
    var checksums = PartChecksums()
    if let crc { checksums.crc32 = crc.value }
    if let crc32c { checksums.crc32c = crc32c.value }
    checksums.xxh3 = xxh3?.value
    checksums.sha256 = sha256.take()?.finish()
    return checksums
  }
}
