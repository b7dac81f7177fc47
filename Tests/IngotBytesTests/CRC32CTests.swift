// SPDX-License-Identifier: Apache-2.0
// CRC-32C against the published values, and the fast loop against the plain one.
import CIngotBytes
import IngotBytes
import IngotTestSupport
import Testing

@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4, whose bytes stand least significant first; and the check value of the polynomial.
  static let published: [(bytes: [UInt8], crc: UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0..<32), 0x46DD_794E), ((0..<32).reversed(), 0x113F_DB5C), (Array("123456789".utf8), 0xE306_9283),
    ([], 0),
  ]

  @Test func `gives the published values`() {
    for (bytes, crc) in Self.published {
      #expect(CRC32C.value(of: bytes[...]) == crc)
      #expect(ingot_crc32c_portable(0, bytes, bytes.count) == crc)
    }
  }

  @Test func `the processor's instruction and the table agree, wherever bytes are cut`() {
    var random = SeededRandom(seed: 32)
    let bytes = random.bytes(3 * 4096 * 3 + 11)
    for _ in 0..<300 {
      let start = random.integer(in: 0...40)
      let count = random.integer(in: 0...(bytes.count - start))
      let middle = start + random.integer(in: 0...count)
      var crc = CRC32C()
      crc.update(Array(bytes[start..<middle]))
      crc.update(Array(bytes[middle..<(start + count)]))
      let plain = bytes.withUnsafeBytes { ingot_crc32c_portable(0, $0.baseAddress.map { $0 + start }, count) }
      #expect(crc.value == plain)
      var (front, back) = (CRC32C(), CRC32C())
      front.update(Array(bytes[start..<middle]))
      back.update(Array(bytes[middle..<(start + count)]))
      front.append(back)
      #expect(front.value == plain)
      #expect(front.byteCount == count)
    }
  }

  @Test func `a masked checksum is unmasked to itself`() {
    // What TensorFlow stores for a tensor without bytes.
    #expect(CRC32C.masked(0) == 0xA282_EAD8)
    for value: UInt32 in [0, 1, 0x8000_0000, 0xE306_9283, .max] {
      #expect(CRC32C.unmasked(CRC32C.masked(value)) == value)
    }
  }
}
