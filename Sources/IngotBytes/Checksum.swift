// SPDX-License-Identifier: Apache-2.0
// Checksums and digests that are fed piece by piece: CRC-32 (our own, else zlib), CRC-32C (our own), XXH3 (libxxhash),
// SHA-256 (libcrypto).
import CCrypto
import CIngotBytes
import CXXHash
import CZlib
import IngotCore

/// CRC-32 with the IEEE polynomial, as zip entries carry it.
///
/// By carry-less multiplication where the processor has it, else by zlib; both give the same.
package struct CRC32: Sendable {
  /// How the checksum is computed.
  package enum Level: Int32, CaseIterable, Sendable {
    case zlib, carryLess, carryLessWide

    /// The highest that the processor has and `INGOT_CPU` allows.
    package static let current = Level(rawValue: ingot_crc32_level()) ?? .zlib
  }

  /// The checksum of what has been fed.
  package private(set) var value: UInt32 = 0
  /// Bytes fed so far.
  package private(set) var byteCount = 0
  private let level: Level

  /// Makes the checksum of no bytes.
  package init() { self.init(level: .current) }

  /// Makes the checksum of no bytes at a level that the processor has.
  package init(level: Level) { self.level = level }

  /// Feeds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let folded = ingot_crc32_fold(level.rawValue, &value, start, bytes.count)
    byteCount += bytes.count
    guard folded < bytes.count else { return }
    let rest = (start + folded).assumingMemoryBound(to: UInt8.self)
    value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), rest, bytes.count - folded))
  }

  /// Appends what another has been fed, as if it had been fed here behind the rest.
  ///
  /// - Complexity: O(log n) for n bytes of `next`; they are not needed.
  package mutating func append(_ next: CRC32) {
    value = UInt32(
      truncatingIfNeeded: crc32_combine(UInt(value), UInt(next.value), next.byteCount))
    byteCount += next.byteCount
  }

  /// The checksum of bytes at hand.
  package static func value(of bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    bytes.withUnsafeBytes { crc.update($0) }
    return crc.value
  }
}

/// CRC-32C, with Castagnoli's polynomial, as sorted tables and TensorFlow's checkpoints carry it.
///
/// - SeeAlso: RFC 3720, appendix B.4.
package struct CRC32C: Sendable {
  /// The checksum of what has been fed.
  package private(set) var value: UInt32 = 0
  /// Bytes fed so far.
  package private(set) var byteCount = 0

  /// Makes the checksum of no bytes.
  package init() {}

  /// Feeds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    value = ingot_crc32c(value, start, bytes.count)
    byteCount += bytes.count
  }

  /// Appends what another has been fed, as if it had been fed here behind the rest.
  ///
  /// - Complexity: O(log n) for n bytes of `next`; they are not needed.
  package mutating func append(_ next: CRC32C) {
    // x^(8 n) by squaring x^8, both of them modulo the polynomial.
    var factor: UInt32 = 1 << 31
    var square: UInt32 = 1 << 23
    var rest = next.byteCount
    while rest > 0 {
      if rest & 1 == 1 { factor = Self.product(factor, square) }
      square = Self.product(square, square)
      rest >>= 1
    }
    value = Self.product(value, factor) ^ next.value
    byteCount += next.byteCount
  }

  /// The product of two polynomials modulo Castagnoli's; the uppermost bit is that of x^0.
  private static func product(_ left: UInt32, _ right: UInt32) -> UInt32 {
    var right = right
    var product: UInt32 = 0
    for place in (0..<32).reversed() {
      if left >> UInt32(place) & 1 == 1 { product ^= right }
      right = right >> 1 ^ (right & 1 == 1 ? 0x82F6_3B78 : 0)
    }
    return product
  }

  /// Feeds bytes at hand.
  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The checksum of bytes at hand.
  package static func value(of bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = CRC32C()
    bytes.withUnsafeBytes { crc.update($0) }
    return crc.value
  }

  /// The form in which files keep a checksum, so that a checksum of data that holds it is another number.
  package static func masked(_ value: UInt32) -> UInt32 {
    (value >> 15 | value << 17) &+ maskDelta
  }

  /// The checksum that a masked one stands for.
  package static func unmasked(_ value: UInt32) -> UInt32 {
    let rotated = value &- maskDelta
    return rotated >> 17 | rotated << 15
  }

  /// LevelDB's constant: `google/leveldb: util/crc32c.h`.
  private static let maskDelta: UInt32 = 0xA282_EAD8
}

/// XXH3 with 128 bits, the checksum of `.ingot` files.
///
/// - SeeAlso: `Cyan4973/xxHash: doc/xxhash_spec.md`.
package struct XXH3: ~Copyable {
  private let state: OpaquePointer

  /// Makes the checksum of no bytes.
  package init() {
    // SAFETY: the library returns a state of its own or, out of memory, none; `deinit` frees it.
    guard let state = XXH3_createState() else { preconditionFailure("no memory for a checksum's state") }
    self.state = state
    XXH3_128bits_reset(state)
  }

  deinit { XXH3_freeState(state) }

  /// Feeds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    XXH3_128bits_update(state, start, bytes.count)
  }

  /// The checksum of what has been fed.
  package var value: XXH3Digest {
    let hash = XXH3_128bits_digest(state)
    return XXH3Digest(high: hash.high64, low: hash.low64)
  }

  /// The checksum of bytes at hand.
  package static func digest(of bytes: [UInt8]) -> XXH3Digest {
    bytes.withUnsafeBytes { digest(of: $0) }
  }

  /// The checksum of bytes at hand.
  package static func digest(of bytes: UnsafeRawBufferPointer) -> XXH3Digest {
    let hash = XXH3_128bits(bytes.baseAddress, bytes.count)
    return XXH3Digest(high: hash.high64, low: hash.low64)
  }

  /// XXH3 with 64 bits, for tables that live as long as the process.
  package static func shortDigest(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits(bytes.baseAddress, bytes.count)
  }
}

/// SHA-256, the digest by which tensors are compared across formats.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  /// Makes the digest of no bytes.
  package init() {
    // SAFETY: as for XXH3; `EVP_sha256` is a constant of the library and never fails to initialize.
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest's state") }
    self.context = context
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Feeds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    EVP_DigestUpdate(context, start, bytes.count)
  }

  /// The 32 bytes of the digest; nothing may be fed afterwards.
  package consuming func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &digest, nil)
    return digest
  }

  /// The digest as 64 lowercase hexadecimal digits; nothing may be fed afterwards.
  package consuming func finishHex() -> String {
    hexadecimal(finish())
  }

  /// The digest of text, as 64 hexadecimal digits.
  package static func hex(of text: String) -> String {
    var hash = SHA256()
    var text = text
    text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
    return hash.finishHex()
  }
}

/// Bytes as lowercase hexadecimal digits.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
