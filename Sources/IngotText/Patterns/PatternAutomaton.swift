// SPDX-License-Identifier: Apache-2.0
// A program made into a table of states and classes of characters, so that a step is one look-up. A state is a list of
// instructions in the order of preference; a match ends the list (the construction of RE2 and Rust's regex-automata).
import IngotCore

/// The table of a pattern.
struct PatternAutomaton: Sendable {
  /// For each state and class: twice the next state, and 1 where a match ends before the character.
  ///
  /// State 0 is the end of the search; the class behind the last is the text's end.
  private(set) var transitions: [UInt16] = []
  /// Columns of the table.
  let columnCount: Int
  /// The state in which a search begins.
  static let start = 1

  /// States that a pattern may have: published ones have less than 100, and one that counts white space 522.
  static let mostStates = 8_192
  /// Steps that making the table may take: a second or less.
  static let mostSteps = 30_000_000

  /// Builds the table.
  ///
  /// - Parameters:
  ///   - program: the pattern's program.
  ///   - membership: for each set of the program and class, whether the set holds it.
  ///   - classCount: how many classes there are.
  ///   - location: for the error.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for a pattern with too many states.
  init(_ program: PatternProgram, membership: [[Bool]], classCount: Int, at location: Location)
    throws(IngotError)
  {
    columnCount = classCount + 1
    var builder = Builder(program: program, membership: membership, classCount: classCount)
    var states: [[Int32]] = [[], [Int32(program.start)]]
    var numbers: [[Int32]: Int] = [[]: 0, states[1]: 1]
    var state = 0
    while state < states.count {
      for column in 0..<columnCount {
        let (next, matches) = builder.step(states[state], column)
        var number = numbers[next]
        if number == nil {
          number = states.count
          numbers[next] = states.count
          states.append(next)
        }
        guard let number, states.count <= Self.mostStates, builder.steps <= Self.mostSteps else {
          throw .unsupported("a regular expression that needs too many states", at: location)
        }
        transitions.append(UInt16(number << 1 | (matches ? 1 : 0)))
      }
      state += 1
    }
  }

  /// Goes from a state's instructions to the next one's.
  private struct Builder {
    let program: PatternProgram
    let membership: [[Bool]]
    let classCount: Int
    /// Instructions looked at.
    var steps = 0
    private var seen: [UInt32]
    private var listed: [UInt32]
    private var turn: UInt32 = 0
    private var stack: [Int] = []

    init(program: PatternProgram, membership: [[Bool]], classCount: Int) {
      self.program = program
      self.membership = membership
      self.classCount = classCount
      seen = Array(repeating: 0, count: program.instructions.count)
      listed = seen
    }

    /// What is left of a list of instructions behind a character of a class, and whether a match ends before it.
    mutating func step(_ state: [Int32], _ column: Int) -> ([Int32], matches: Bool) {
      turn += 1
      var next: [Int32] = []
      for first in state {
        stack.append(Int(first))
        while let place = stack.popLast() {
          steps += 1
          guard seen[place] != turn else { continue }
          seen[place] = turn
          switch program.instructions[place] {
          case .match:
            stack.removeAll(keepingCapacity: true)
            return (next, true)
          case .either(let first, let second):
            stack.append(second)
            stack.append(first)
          case .look(let set, let orEnd, let then):
            if column < classCount ? membership[set][column] : orEnd { stack.append(then) }
          case .take(let set, let then):
            if column < classCount, membership[set][column], listed[then] != turn {
              listed[then] = turn
              next.append(Int32(then))
            }
          }
        }
      }
      return (next, false)
    }
  }
}
