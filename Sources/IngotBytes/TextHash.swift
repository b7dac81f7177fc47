// SPDX-License-Identifier: Apache-2.0
// 32-bit hashes of many pieces of one text, by the system's libraries: XXH3 for what is ours, SHA-1 for what has to be
// another program's. Neither protects from anybody: they spread.
import CCrypto
import CXXHash
import IngotCore

/// A hash by which pieces of text are compared.
public enum TextHash: String, CaseIterable, Hashable, Sendable {
  /// The lower half of XXH3 with 64 bits.
  case xxh3
  /// The first four bytes of SHA-1, little-endian: datasketch's default.
  case sha1

  /// Hashes pieces of a text.
  ///
  /// - Parameters:
  ///   - text: the bytes.
  ///   - pieces: how many.
  ///   - range: where each piece is.
  ///   - hashes: gets a hash for each piece; what it held is gone.
  package func hash(
    _ text: UnsafeRawBufferPointer, pieces: Int, range: (Int) -> Range<Int>, into hashes: inout [UInt32]
  ) {
    hashes.removeAll(keepingCapacity: true)
    hashes.reserveCapacity(pieces)
    switch self {
    case .xxh3:
      for piece in 0..<pieces {
        let bytes = UnsafeRawBufferPointer(rebasing: text[range(piece)])
        hashes.append(UInt32(truncatingIfNeeded: XXH3.shortDigest(of: bytes)))
      }
    case .sha1:
      guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest's state") }
      defer { EVP_MD_CTX_free(context) }
      // SAFETY: the library writes 20 bytes, for which there is room.
      var digest = [UInt8](repeating: 0, count: 20)
      for piece in 0..<pieces {
        let bytes = text[range(piece)]
        EVP_DigestInit_ex(context, EVP_sha1(), nil)
        EVP_DigestUpdate(context, UnsafeRawBufferPointer(rebasing: bytes).baseAddress, bytes.count)
        EVP_DigestFinal_ex(context, &digest, nil)
        hashes.append(digest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
      }
    }
  }
}
