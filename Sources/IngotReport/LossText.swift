// SPDX-License-Identifier: Apache-2.0
// Losses as text and JSON.
import IngotKit

/// Losses as text and JSON.
package enum LossText {
  /// Lines of one kind that are shown, and the width that names in one take.
  private static let lineLimit = 4
  private static let namesWidth = 72

  /// What is alike but for the name of a tensor, key or file: one line for all.
  private struct Group {
    let kind: Loss.Kind
    /// What is lost, without the name that it begins with; counts of elements are those of all.
    var detail: Evidence
    var names: [String]
  }

  /// What losses of one line have in common.
  private struct Key: Hashable {
    let kind: Loss.Kind
    let detail: Evidence
  }

  /// Losses by kind, those of one reason on one line; of many names some are shown.
  package static func lines(_ losses: [Loss], style: TextStyle) -> [String] {
    var groups: [Group] = []
    var known: [Key: Int] = [:]
    for loss in losses {
      let (name, detail) = parts(of: loss)
      let key = Key(kind: loss.kind, detail: hasCounts(loss.kind) ? withoutCounts(detail) : detail)
      if let index = known[key], let name {
        groups[index].names.append(name)
        if hasCounts(loss.kind) { groups[index].detail = sum(groups[index].detail, detail) }
      } else {
        known[key] = groups.count
        groups.append(Group(kind: loss.kind, detail: detail, names: name.map { [$0] } ?? []))
      }
    }
    var order: [Loss.Kind] = []
    for group in groups where !order.contains(group.kind) { order.append(group.kind) }
    return order.flatMap { kind in
      let list = groups.filter { $0.kind == kind }
      let shown = list.prefix(lineLimit).map { line($0, style) }
      let hidden = list.dropFirst(lineLimit).reduce(0) { $0 + max(1, $1.names.count) }
      return hidden == 0 ? shown : shown + [style.text("… \(hidden) more of this kind in --json", .dim)]
    }
  }

  /// Whether the whole numbers of a kind's details count elements, so that those of several tensors add up.
  private static func hasCounts(_ kind: Loss.Kind) -> Bool { [.cast, .overflow, .padding].contains(kind) }

  private static func withoutCounts(_ detail: Evidence) -> Evidence {
    Evidence(
      pieces: detail.pieces.map { piece in
        switch piece {
        case .count(let count): .count(count.things)
        case .words(let words) where Int(words) != nil: .words("")
        default: piece
        }
      })
  }

  private static func sum(_ first: Evidence, _ second: Evidence) -> Evidence {
    Evidence(
      pieces: zip(first.pieces, second.pieces).map { pieces in
        switch pieces {
        case (.count(let one), .count(let other)): .count(one.adding(other))
        case (.words(let one), .words(let other)):
          if let one = Int(one), let other = Int(other) { .words(String(one &+ other)) } else { pieces.0 }
        default: pieces.0
        }
      })
  }

  /// The tensor, key or file that a loss is about, and the rest of what it says.
  private static func parts(of loss: Loss) -> (name: String?, detail: Evidence) {
    if let tensor = loss.tensor { return (ErrorRenderer.name(tensor), loss.detail) }
    let pieces = loss.detail.pieces
    guard case .value(let name)? = pieces.first, pieces.count > 1, case .words(let words) = pieces[1],
      words.hasPrefix(": ")
    else { return (nil, loss.detail) }
    let rest = Evidence(pieces: [.words(String(words.dropFirst(2)))] + pieces[2...])
    return (ErrorRenderer.name(name), rest)
  }

  private static func line(_ group: Group, _ style: TextStyle) -> String {
    let label = style.text(label(group.kind), .note)
    guard !group.names.isEmpty else { return "\(label)  \(ErrorRenderer.text(group.detail))" }
    return "\(label)  \(list(group.names)): \(ErrorRenderer.text(group.detail))"
  }

  /// As many names as a line takes, and how many there are besides.
  private static func list(_ names: [String]) -> String {
    var shown: [String] = []
    var width = 0
    for name in names {
      width += name.count + 2
      guard shown.isEmpty || width <= namesWidth || shown.count == names.count - 1 else { break }
      shown.append(name)
    }
    let text = shown.joined(separator: ", ")
    return shown.count == names.count ? text : "\(text) and \(names.count - shown.count) more"
  }

  /// Losses as JSON.
  package static func json(_ losses: [Loss]) -> MetadataValue {
    .array(
      losses.map { loss in
        var object = Metadata()
        object["kind"] = .string(loss.kind.rawValue)
        object["tensor"] = loss.tensor.map { .string($0) } ?? .null
        object["detail"] = .string(ErrorRenderer.text(loss.detail))
        return .object(object)
      })
  }

  private static func label(_ kind: Loss.Kind) -> String {
    switch kind {
    case .cast: "rounded "
    case .overflow: "overflow"
    case .dropped: "left out"
    case .metadata, .companion, .name: "not kept"
    case .alias: "untied  "
    case .kept: "kept    "
    case .bits: "as bits "
    case .padding: "zeros   "
    case .dequantized: "scaled  "
    case .apart: "apart   "
    case .readers: "readers "
    case .added: "added   "
    case .changed: "changed "
    case .larger: "larger  "
    }
  }
}
