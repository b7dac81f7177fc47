// SPDX-License-Identifier: Apache-2.0
// A regular expression as a program of few instructions, after Thompson; of two ways, the first is preferred.
// (R. Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009.)
import IngotCore

/// A program that looks for a match at one place.
struct PatternProgram {
  /// One step.
  enum Instruction {
    /// Takes a character of a set and goes on at another instruction.
    case take(set: Int, next: Int)
    /// Goes on at the first, and where that fails at the second.
    case either(Int, Int)
    /// Goes on where the next character belongs to a set, or the text ends.
    case look(set: Int, orEnd: Bool, next: Int)
    /// A match.
    case match
  }

  /// The instructions; the first is where a match ends.
  private(set) var instructions: [Instruction] = [.match]
  /// The sets that they name.
  private(set) var sets: [ScalarSet] = []
  /// The first instruction to run.
  private(set) var start = 0
  private var numbers: [ScalarSet: Int] = [:]

  /// Instructions that a pattern may have: published ones have some hundred, and one that counts white space to 512
  /// has 1,023.
  static let mostInstructions = 20_000

  /// Translates an expression.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for one that repeats too much.
  init(_ syntax: PatternSyntax, at location: Location) throws(IngotError) {
    start = try add(syntax, then: 0, location)
  }

  private mutating func add(_ instruction: Instruction, _ location: Location) throws(IngotError) -> Int {
    guard instructions.count < Self.mostInstructions else {
      throw .unsupported("a regular expression of more than \(Self.mostInstructions) steps", at: location)
    }
    instructions.append(instruction)
    return instructions.count - 1
  }

  private mutating func number(of set: ScalarSet) -> Int {
    if let known = numbers[set] { return known }
    numbers[set] = sets.count
    sets.append(set)
    return sets.count - 1
  }

  /// Adds what an expression does before it goes on at an instruction, and says where that begins.
  private mutating func add(
    _ syntax: PatternSyntax, then next: Int, _ location: Location
  ) throws(IngotError) -> Int {
    switch syntax {
    case .set(let set): return try add(.take(set: number(of: set), next: next), location)
    case .lookahead(let set, let orEnd):
      return try add(.look(set: number(of: set), orEnd: orEnd, next: next), location)
    case .sequence(let parts):
      var next = next
      for part in parts.reversed() { next = try add(part, then: next, location) }
      return next
    case .alternatives(let parts):
      var start: Int?
      for part in parts.reversed() {
        let first = try add(part, then: next, location)
        start =
          try start.map { (second) throws(IngotError) in try add(.either(first, second), location) } ?? first
      }
      return start ?? next
    case .repetition(let part, let from, let to, let isGreedy):
      return try addRepetition(of: part, from, to, isGreedy, then: next, location)
    }
  }

  private mutating func addRepetition(
    of part: PatternSyntax, _ from: Int, _ to: Int?, _ isGreedy: Bool, then next: Int, _ location: Location
  ) throws(IngotError) -> Int {
    var start = next
    if let to {
      for _ in from..<max(from, to) {
        let more = try add(part, then: start, location)
        start = try add(isGreedy ? .either(more, next) : .either(next, more), location)
      }
    } else {
      let loop = try add(.either(next, next), location)
      let more = try add(part, then: loop, location)
      instructions[loop] = isGreedy ? .either(more, next) : .either(next, more)
      start = loop
    }
    for _ in 0..<from { start = try add(part, then: start, location) }
    return start
  }
}
