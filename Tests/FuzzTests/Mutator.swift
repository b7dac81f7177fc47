// SPDX-License-Identifier: Apache-2.0
// Makes broken files of sound ones, from a seed: the same on every machine.
import IngotTestSupport

/// Makes mutated files.
struct Mutator {
  private var random: SeededRandom
  private let seeds: [(name: String, bytes: [UInt8])]

  /// Numbers that counts, lengths and offsets break on.
  private static let numbers: [UInt64] = [
    0, 1, 2, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF,
    0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFF8, .max,
  ]

  /// Texts that headers break on.
  private static let texts = [
    "-1", "1e99", "18446744073709551616", "9223372036854775807", "null", "true", "[", "]", "{", "}", "\"",
    "\\ud800", ",",
    "(", ")", "0.5", "'O'", "[[[[[[[[", "\u{0}", "é",
  ]

  init(seed: UInt64, seeds: [(name: String, bytes: [UInt8])]) {
    random = SeededRandom(seed: seed)
    self.seeds = seeds
  }

  /// A mutated file with the extension and the name of the one it was made of.
  mutating func next() -> (fileExtension: String, seed: String, bytes: [UInt8]) {
    let seed = seeds[random.integer(in: 0...(seeds.count - 1))]
    var bytes = seed.bytes
    for _ in 0..<random.integer(in: 1...3) { mutate(&bytes) }
    let fileExtension = seed.name.split(separator: ".").last.map(String.init) ?? "bin"
    return (fileExtension, seed.name, bytes)
  }

  private mutating func position(in bytes: [UInt8]) -> Int {
    // Headers and directories stand at the ends.
    let near = min(bytes.count, 160)
    switch random.integer(in: 0...2) {
    case 0: return random.integer(in: 0...max(0, near - 1))
    case 1: return max(0, bytes.count - 1 - random.integer(in: 0...max(0, near - 1)))
    default: return random.integer(in: 0...max(0, bytes.count - 1))
    }
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return bytes = random.bytes(16) }
    let start = position(in: bytes)
    switch random.integer(in: 0...8) {
    case 0: bytes[start] ^= 1 << UInt8(random.integer(in: 0...7))
    case 1: bytes[start] = UInt8(random.integer(in: 0...255))
    case 2: overwrite(&bytes, at: start)
    case 3: bytes.removeLast(bytes.count - start)
    case 4: bytes.removeSubrange(start..<min(bytes.count, start + random.integer(in: 1...40)))
    case 5: bytes.insert(contentsOf: random.bytes(random.integer(in: 1...40)), at: start)
    case 6:
      let piece = bytes[start..<min(bytes.count, start + random.integer(in: 1...80))]
      bytes.insert(contentsOf: piece, at: position(in: bytes))
    case 7:
      let text = Self.texts[random.integer(in: 0...(Self.texts.count - 1))]
      bytes.replaceSubrange(start..<min(bytes.count, start + random.integer(in: 0...4)), with: text.utf8)
    default:
      let other = seeds[random.integer(in: 0...(seeds.count - 1))].bytes
      bytes = Array(bytes[..<start] + other.suffix(from: min(start, other.count)))
    }
  }

  private mutating func overwrite(_ bytes: inout [UInt8], at start: Int) {
    let number = Self.numbers[random.integer(in: 0...(Self.numbers.count - 1))]
    let width = [1, 2, 4, 8][random.integer(in: 0...3)]
    for index in 0..<width where start + index < bytes.count {
      bytes[start + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
    }
  }
}
