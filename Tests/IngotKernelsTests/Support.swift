// SPDX-License-Identifier: Apache-2.0
// Random numbers and fixture files for kernel tests.
import Glibc

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number from -1 to 1.
  mutating func signed() -> Float { Float.random(in: -1...1, using: &self) }

  /// An array of numbers from -1 to 1.
  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in signed() } }
}

/// Files under `fixtures/`.
enum Fixture {
  struct Missing: Error { let path: String }

  static func bytes(_ name: String, from source: String = #filePath) throws -> [UInt8] {
    let root = source.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
      separator: "/")
    let path = "\(root)/fixtures/\(name)"
    guard let file = fopen(path, "rb") else { throw Missing(path: path) }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let byteCount = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      count = fread(buffer.baseAddress, 1, byteCount, file)
    }
  }
}
