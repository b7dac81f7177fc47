// SPDX-License-Identifier: Apache-2.0
// Names that differ in their numbers, or in a word at their end, as one line: `layers.{0…11}.mlp.experts.{0…15}.{up,down}_proj.weight`.
// What comes out can be given as a name pattern (IngotFormats, Glob.swift).
import IngotKit

/// Names folded into few.
package enum NameFolding {
  /// Names that fold into one.
  package struct Group {
    /// What they fold into, safe to print.
    package var name: String
    /// Which they are, in their order; there may be a million.
    package var members: [Int32]
  }

  /// Names that are not folded.
  ///
  /// - Parameters:
  ///   - count: how many names there are.
  ///   - name: gives one.
  /// - Returns: a group a name.
  package static func unfolded(_ count: Int, name: (Int) -> String) -> [Group] {
    (0..<Int32(clamping: count)).map {
      Group(name: PrintableText.escaped(name(Int($0)), limit: 300), members: [$0])
    }
  }

  /// Folds names.
  ///
  /// - Parameters:
  ///   - count: how many names there are.
  ///   - name: gives one.
  ///   - kind: what names must have in common to fold.
  /// - Returns: the groups, in the order of their first names.
  package static func fold<Kind: Hashable>(
    _ count: Int, name: (Int) -> String, kind: (Int) -> Kind
  ) -> [Group] {
    var order: [Template<Kind>] = []
    var positions: [TemplateKey<Kind>: Int] = [:]
    for index in 0..<count {
      let parsed = NumberedName(name(index))
      let key = TemplateKey(text: parsed.text, holeCount: parsed.numbers.count, kind: kind(index))
      if let position = positions[key] {
        order[position].add(Int32(clamping: index), parsed.numbers)
      } else {
        positions[key] = order.count
        order.append(Template(key, Int32(clamping: index), parsed.numbers))
      }
    }
    positions = [:]
    let numbered = order.flatMap { template in template.groups.map { ($0, template.key.kind) } }
    return foldAffixes(foldLastWords(numbered)).map(\.0)
  }

  /// What a second name has in common with others whose pairs fold: its text without its numbers, where these are the first
  /// name's.
  package static func pattern(of second: String, like first: String) -> String {
    let (one, other) = (NumberedName(first), NumberedName(second))
    return one.numbers == other.numbers ? other.text : second
  }

  /// Folds names that differ in their last words only: `ln_1.{weight,bias}`.
  private static func foldLastWords<Kind: Hashable>(_ groups: [(Group, Kind)]) -> [(Group, Kind)] {
    foldWords(groups) { name in
      guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return nil }
      return (String(name[...dot]), String(name[name.index(after: dot)...]), "")
    }
  }

  /// Folds names that differ before the same end of their last word but one: `{up,down}_proj.weight`.
  private static func foldAffixes<Kind: Hashable>(_ groups: [(Group, Kind)]) -> [(Group, Kind)] {
    foldWords(groups) { name in
      guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
        let start = name[..<dot].lastIndex(of: "."),
        let bar = name[start..<dot].lastIndex(of: "_"), name.index(after: start) < bar
      else { return nil }
      return (String(name[...start]), String(name[name.index(after: start)..<bar]), String(name[bar...]))
    }
  }

  /// Folds names that differ in one word only, where `split` says.
  private static func foldWords<Kind: Hashable>(
    _ groups: [(Group, Kind)], _ split: (String) -> (before: String, word: String, after: String)?
  ) -> [(Group, Kind)] {
    var folded: [(Group, Kind)] = []
    var words: [Int: [String]] = [:]
    var positions: [WordKey<Kind>: Int] = [:]
    for (group, kind) in groups {
      guard let parts = split(group.name) else {
        folded.append((group, kind))
        continue
      }
      let key = WordKey(before: parts.before, after: parts.after, kind: kind)
      if let position = positions[key] {
        folded[position].0.members += group.members
        words[position, default: []].append(parts.word)
      } else {
        positions[key] = folded.count
        words[folded.count] = [parts.word]
        folded.append((group, kind))
      }
    }
    for (position, list) in words where list.count > 1 {
      guard let parts = split(folded[position].0.name) else { continue }
      folded[position].0.name = "\(parts.before){\(shortened(sorted(list)))}\(parts.after)"
    }
    return folded
  }

  /// The order in which people read words, whatever the container's.
  private static let usualOrder = [
    "weight", "bias", "q", "k", "v", "o", "query", "key", "value", "gate", "up", "down",
  ]

  private static func sorted(_ words: [String]) -> [String] {
    func rank(_ word: String) -> Int { usualOrder.firstIndex(of: word) ?? usualOrder.count }
    return words.sorted { (rank($0), $0) < (rank($1), $1) }
  }

  /// Pieces with commas between them, the middle of many left out.
  fileprivate static func shortened(_ pieces: [String]) -> String {
    guard pieces.count > 12, let last = pieces.last else { return pieces.joined(separator: ",") }
    return (pieces.prefix(6) + ["…", last]).joined(separator: ",")
  }
}

/// What names that fold in one word share.
private struct WordKey<Kind: Hashable>: Hashable {
  let before: String
  let after: String
  let kind: Kind
}

/// What names that fold in their numbers share.
private struct TemplateKey<Kind: Hashable>: Hashable {
  let text: String
  let holeCount: Int
  let kind: Kind
}

/// Names that are the same but for their numbers.
private struct Template<Kind: Hashable> {
  let key: TemplateKey<Kind>
  private var members: [Int32]
  /// The numbers of all members, one after the other.
  private var numbers: [UInt32]

  init(_ key: TemplateKey<Kind>, _ member: Int32, _ numbers: [UInt32]) {
    self.key = key
    members = [member]
    self.numbers = numbers
  }

  mutating func add(_ member: Int32, _ numbers: [UInt32]) {
    members.append(member)
    self.numbers += numbers
  }

  /// Members whose numbers are every combination of some in each place.
  private struct Item {
    var sets: [[UInt32]]
    var members: [Int32]
  }

  /// The groups that the members fold into: one where their numbers are every combination of some.
  var groups: [NameFolding.Group] {
    guard members.count > 1, key.holeCount > 0 else {
      return members.indices.map { index in
        let start = index * key.holeCount
        return NameFolding.Group(
          name: name(numbers[start..<(start + key.holeCount)].map { [$0] }), members: [members[index]])
      }
    }
    var items = itemsByLastNumber
    for place in (0..<(key.holeCount - 1)).reversed() { items = merged(items, at: place) }
    return items.map { NameFolding.Group(name: name($0.sets), members: $0.members) }
  }

  /// Members that differ in their last numbers only, put together.
  private var itemsByLastNumber: [Item] {
    var items: [Item] = []
    var positions: [ArraySlice<UInt32>: Int] = [:]
    for (index, member) in members.enumerated() {
      let start = index * key.holeCount
      let before = numbers[start..<(start + key.holeCount - 1)]
      let last = numbers[start + key.holeCount - 1]
      if let position = positions[before] {
        items[position].sets[key.holeCount - 1].append(last)
        items[position].members.append(member)
      } else {
        positions[before] = items.count
        items.append(Item(sets: before.map { [$0] } + [[last]], members: [member]))
      }
    }
    for index in items.indices { items[index].sets[key.holeCount - 1].sort() }
    return items
  }

  /// Items that differ in one place only, put together.
  private func merged(_ items: [Item], at place: Int) -> [Item] {
    var result: [Item] = []
    var positions: [[[UInt32]]: Int] = [:]
    for item in items {
      var others = item.sets
      others[place] = []
      if let position = positions[others] {
        result[position].sets[place] += item.sets[place]
        result[position].members += item.members
      } else {
        positions[others] = result.count
        result.append(item)
      }
    }
    for index in result.indices { result[index].sets[place].sort() }
    return result
  }

  /// The name with numbers in its places.
  private func name(_ sets: [[UInt32]]) -> String {
    guard !sets.isEmpty else { return PrintableText.escaped(key.text, limit: 300) }
    let pieces = key.text.split(separator: "\0", omittingEmptySubsequences: false)
    var name = PrintableText.escaped(String(pieces[0]), limit: 300)
    for (set, piece) in zip(sets, pieces.dropFirst()) {
      name += Self.label(set) + PrintableText.escaped(String(piece), limit: 300)
    }
    return name
  }

  /// Numbers in their order: `7`, `{0…11}`, `{0…3,5,7…9}`.
  private static func label(_ numbers: [UInt32]) -> String {
    guard numbers.count > 1 else { return numbers.first.map { String($0) } ?? "" }
    var runs: [ClosedRange<UInt32>] = []
    for number in numbers {
      if let last = runs.last, number <= last.upperBound + 1 {
        runs[runs.count - 1] = last.lowerBound...max(last.upperBound, number)
      } else {
        runs.append(number...number)
      }
    }
    let pieces = runs.map { run in
      run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)…\(run.upperBound)"
    }
    return "{\(NameFolding.shortened(pieces))}"
  }
}
