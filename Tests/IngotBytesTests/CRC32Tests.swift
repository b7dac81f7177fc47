// SPDX-License-Identifier: Apache-2.0
// CRC-32 by carry-less multiplication against zlib's.
import IngotBytes
import IngotTestSupport
import Testing

@Suite struct CRC32Tests {
  static let levels = CRC32.Level.allCases.filter { $0.rawValue <= CRC32.Level.current.rawValue }

  private func crc(_ bytes: some Collection<UInt8>, level: CRC32.Level) -> CRC32 {
    var crc = CRC32(level: level)
    Array(bytes).withUnsafeBytes { crc.update($0) }
    return crc
  }

  @Test(arguments: levels)
  func `gives the standard's check value`(level: CRC32.Level) {
    #expect(crc("123456789".utf8, level: level).value == 0xCBF4_3926)
    #expect(crc([], level: level).value == 0)
  }

  @Test(arguments: levels)
  func `equals zlib over odd sizes, wherever they start`(level: CRC32.Level) {
    var random = SeededRandom(seed: 32)
    let bytes = random.bytes(5000)
    for count in Array(0...600) + [1023, 1024, 1025, 4095, 4096, 4993] {
      for start in [0, 1, 7] {
        let slice = bytes[start..<(start + count)]
        #expect(crc(slice, level: level).value == crc(slice, level: .zlib).value, "\(count) from \(start)")
      }
    }
  }

  @Test(arguments: levels)
  func `is the same however the bytes are split, and put together`(level: CRC32.Level) {
    var random = SeededRandom(seed: 33)
    let bytes = random.bytes(3000)
    let whole = crc(bytes, level: .zlib).value
    for cut in [0, 1, 63, 64, 65, 255, 256, 257, 1500, 2999, 3000] {
      var fed = crc(bytes[..<cut], level: level)
      Array(bytes[cut...]).withUnsafeBytes { fed.update($0) }
      #expect(fed.value == whole)
      var joined = crc(bytes[..<cut], level: level)
      joined.append(crc(bytes[cut...], level: level))
      #expect(joined.value == whole && joined.byteCount == 3000)
    }
  }
}
