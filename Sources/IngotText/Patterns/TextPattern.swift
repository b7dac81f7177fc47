// SPDX-License-Identifier: Apache-2.0
// Regular expressions of published tokenizers, matched in time linear in the text. Page: formats/tokenizer.md, "Patterns".
import IngotCore

/// A regular expression, or a text, that is looked for in text.
///
/// Of the matches that begin at the first place where one does, it takes the one that a backtracking matcher would find
/// first. Complexity: a step a character, and none twice but for a bounded number; see ``PatternScan``.
package struct TextPattern: Sendable {
  /// Classes of characters, between which the pattern does not distinguish.
  let classes: ScalarMap
  /// The class of each byte: of ASCII's characters; ``notASCII`` for others.
  let bytes: [UInt8]
  /// The class of each byte where it stands for the letter that GPT-2 writes it with.
  let letters: [UInt8]
  /// The table of states.
  let automaton: PatternAutomaton

  /// In ``bytes``: decode the character, then look.
  static let notASCII: UInt8 = 255

  /// Compiles a regular expression.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for what can't be matched in linear time or is not known.
  package init(_ source: String, dialect: PatternDialect, at location: Location) throws(IngotError) {
    var parser = PatternParser(source, dialect: dialect, location: location)
    try self.init(try parser.parse(), at: location)
  }

  /// Makes a pattern of a text, which is looked for as it is.
  ///
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` where it is empty or too long.
  package init(literal text: String, at location: Location) throws(IngotError) {
    guard !text.isEmpty else { throw .unsupported("an empty text to look for", at: location) }
    try self.init(.literal(text), at: location)
  }

  /// Makes a pattern of a tree.
  init(_ syntax: PatternSyntax, at location: Location) throws(IngotError) {
    let program = try PatternProgram(syntax, at: location)
    let partition = try Self.partition(program.sets, location)
    classes = ScalarMap(partition.runs)
    automaton = try PatternAutomaton(
      program, membership: partition.membership, classCount: partition.membership.first?.count ?? 1,
      at: location)
    let classes = classes
    bytes = (0..<256).map { $0 < 0x80 ? classes[UInt32($0)] : Self.notASCII }
    letters = ByteLetters.codePoints.map { classes[$0] }
  }

  /// Cuts all code points into runs of classes, so that each set is a union of classes.
  private static func partition(
    _ sets: [ScalarSet], _ location: Location
  ) throws(IngotError) -> (runs: [(length: Int, value: UInt8)], membership: [[Bool]]) {
    var changes: [UInt32: [Int]] = [0: []]
    for (number, set) in sets.enumerated() {
      for bound in set.bounds { changes[bound, default: []].append(number) }
    }
    var membership = Array(repeating: false, count: sets.count)
    var classes: [[Bool]: UInt8] = [:]
    var runs: [(length: Int, value: UInt8)] = []
    let bounds = changes.keys.sorted()
    for (at, bound) in bounds.enumerated() where bound < ScalarSet.limit {
      for set in changes[bound] ?? [] { membership[set].toggle() }
      if classes[membership] == nil {
        guard classes.count < Int(notASCII) else {
          throw .unsupported(
            "a regular expression with more than \(Int(notASCII)) classes of characters", at: location)
        }
        classes[membership] = UInt8(classes.count)
      }
      let end = at + 1 < bounds.count ? min(bounds[at + 1], ScalarSet.limit) : ScalarSet.limit
      runs.append((Int(end - bound), classes[membership] ?? 0))
    }
    var columns = Array(repeating: Array(repeating: false, count: classes.count), count: sets.count)
    for (holding, number) in classes {
      for set in sets.indices { columns[set][Int(number)] = holding[set] }
    }
    return (runs, columns)
  }
}
