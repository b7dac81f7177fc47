// SPDX-License-Identifier: Apache-2.0
// The longest of many texts that begins at each place of another: an automaton over the texts read backwards, so that what
// it knows at a place is what begins there. Aho and Corasick, "Efficient String Matching", 1975.

/// The longest of many texts that begins at each place of another.
struct LongestMatches: Sendable {
  /// A text that begins at a place.
  struct Match: Hashable, Sendable {
    var range: Range<Int>
    /// The index of the text among those looked for.
    var index: Int
  }

  private struct State: Sendable {
    /// The state for the longest end of what was read that is a beginning too.
    var fallback = 0
    /// The index of the longest text that was read to its end.
    var match: Int?
  }

  private var states = [State()]
  private var transitions: [UInt64: Int] = [:]
  /// From the first state, by byte; 0 stays there.
  private var firstStates: [Int] = Array(repeating: 0, count: 256)
  private let lengths: [Int]
  /// The bytes of the longest text.
  let longest: Int

  /// Makes the automaton.
  ///
  /// - Parameter texts: none of them empty; of equal ones the first is found.
  /// - Complexity: the bytes of all texts.
  init(_ texts: [[UInt8]]) {
    lengths = texts.map(\.count)
    longest = lengths.max() ?? 0
    for (index, text) in texts.enumerated() { add(text, index) }
    setFallbacks()
  }

  private static func key(_ state: Int, _ byte: UInt8) -> UInt64 {
    UInt64(truncatingIfNeeded: state) << 8 | UInt64(byte)
  }

  private func next(_ state: Int, _ byte: UInt8) -> Int? {
    guard state > 0 else { return firstStates[Int(byte)] > 0 ? firstStates[Int(byte)] : nil }
    return transitions[Self.key(state, byte)]
  }

  private mutating func add(_ text: [UInt8], _ index: Int) {
    var state = 0
    for byte in text.reversed() {
      if let next = next(state, byte) {
        state = next
        continue
      }
      states.append(State())
      if state == 0 {
        firstStates[Int(byte)] = states.count - 1
      } else {
        transitions[Self.key(state, byte)] = states.count - 1
      }
      state = states.count - 1
    }
    if states[state].match == nil { states[state].match = index }
  }

  /// Level by level, so that a state's fallback is ready before it.
  private mutating func setFallbacks() {
    var children: [[(byte: UInt8, state: Int)]] = Array(repeating: [], count: states.count)
    for (key, state) in transitions {
      children[Int(key >> 8)].append((UInt8(truncatingIfNeeded: key), state))
    }
    var queue = firstStates.filter { $0 > 0 }
    var head = 0
    while head < queue.count {
      let state = queue[head]
      head += 1
      for (byte, child) in children[state] {
        states[child].fallback = step(states[state].fallback, byte)
        if states[child].match == nil { states[child].match = states[states[child].fallback].match }
        queue.append(child)
      }
    }
  }

  private func step(_ state: Int, _ byte: UInt8) -> Int {
    var state = state
    while true {
      if let next = next(state, byte) { return next }
      guard state > 0 else { return 0 }
      state = states[state].fallback
    }
  }

  /// The matches, from the last place to the first.
  ///
  /// - Complexity: the bytes.
  func matchesFromEnd(in bytes: [UInt8]) -> [Match] {
    var matches: [Match] = []
    var state = 0
    for place in bytes.indices.reversed() {
      let byte = bytes[place]
      if state == 0, firstStates[Int(byte)] == 0 { continue }
      state = step(state, byte)
      if let index = states[state].match {
        matches.append(Match(range: place..<place + lengths[index], index: index))
      }
    }
    return matches
  }
}
