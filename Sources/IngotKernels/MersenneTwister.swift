// SPDX-License-Identifier: Apache-2.0
// The generator that numpy's `RandomState` draws from, for numbers that have to be another program's.

/// MT19937 (Matsumoto and Nishimura, "Mersenne Twister", 1998), seeded as `init_genrand` does.
struct MersenneTwister {
  private static let (length, middle) = (624, 397)

  private var state: [UInt32]
  private var place = Self.length

  init(seed: UInt32) {
    state = [seed]
    for index in 1..<UInt32(Self.length) {
      let last = state[Int(index) - 1]
      state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ index)
    }
  }

  /// The next 32 bits.
  mutating func next() -> UInt32 {
    if place == Self.length { twist() }
    var y = state[place]
    place += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  private mutating func twist() {
    for index in 0..<Self.length {
      let y = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.length] & 0x7fff_ffff)
      let other = state[(index + Self.middle) % Self.length]
      state[index] = other ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
    }
    place = 0
  }
}
