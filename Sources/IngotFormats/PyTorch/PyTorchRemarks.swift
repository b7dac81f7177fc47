// SPDX-License-Identifier: Apache-2.0
// What is said of a PyTorch checkpoint's objects beside its tensors: one finding a topic, however many objects it is about.
import IngotCore

/// Remarks on what a pickle holds.
struct PyTorchRemarks {
  /// What a remark is about.
  enum Topic: Hashable {
    /// Objects of a class that are left out.
    case leftOut(String)
    /// Objects that are nested too deeply to be looked through.
    case tooDeep
    /// A class or function that stands as a value.
    case named(String)
    /// A class of tensors that is not torch's own.
    case subclass(String)
    /// Tensors below more than one key.
    case nested
    /// A tensor in no dictionary: in a list, or by itself.
    case unkeyed
    /// A tensor whose key is an integer.
    case numbered
    /// A tensor that gradients are kept for.
    case trained
    case wideInteger
    case key
    /// A key that is spelled as another is.
    case keySpelledAlike
    /// A tensor that is a key, or a part of one.
    case tensorAsKey
  }

  private var topics: [Topic] = []
  private var places: [Topic: (count: Int, first: String)] = [:]

  /// Counts what was met once more; `false` for what was not met before.
  mutating func add(_ topic: Topic) -> Bool {
    guard places[topic] != nil else { return false }
    places[topic]?.count += 1
    return true
  }

  /// Notes where something was met first.
  mutating func start(_ topic: Topic, at place: String) {
    topics.append(topic)
    places[topic] = (1, place)
  }

  /// The remarks as findings, in the order in which their topics were met.
  var findings: [Finding] {
    topics.compactMap { topic in
      places[topic].map { Self.finding(topic, count: $0.count, first: $0.first) }
    }
  }

  private static func finding(_ topic: Topic, count: Int, first: String) -> Finding {
    let places: Evidence = count == 1 ? "at \(first)" : "the first at \(first)"
    func note(_ kind: Finding.Kind, _ subject: String, _ detail: Evidence) -> Finding {
      Finding(kind, severity: .note, subject: subject, detail: detail)
    }
    let objects: Evidence = "\(count, "object is", "objects are")"
    switch topic {
    case .leftOut(let name): return note(.leftOut, name, "\(objects) left out, \(places)")
    case .tooDeep:
      return note(.leftOut, first, "\(objects) nested too deeply to be looked through, \(places)")
    case .named(let name): return note(.shownAs, name, "stands as a value, shown by its name, \(places)")
    case .subclass(let name):
      return note(.leftOut, name, "is the class of \(count, "tensor"), which is not kept, \(places)")
    case .nested: return note(.joined, first, "stands in nested containers, whose keys are joined by dots")
    case .unkeyed:
      return note(.joined, first, "stands in no dictionary; its place, or the file, gives it its name")
    case .numbered: return note(.joined, first, "has an integer as its key, which its name spells")
    case .trained:
      return note(.leftOut, "requires_grad", "is set for \(count, "tensor"), \(places)")
    case .wideInteger:
      return note(
        .shownAs, first,
        "\(count, "integer is", "integers are") shown as text, over 64 bits with the sign, \(places)")
    case .key:
      return note(
        .shownAs, first,
        "\(count, "key that is neither text nor an integer is", "keys that are neither text nor an integer are") shown as text"
      )
    case .keySpelledAlike:
      return note(
        .shownAs, first,
        "\(count, "key that is spelled as another is gets a number behind it", "keys that are spelled as others are get numbers behind them"), \(places)"
      )
    case .tensorAsKey:
      return note(
        .leftOut, first,
        "\(count, "tensor stands as a key", "tensors stand as keys"), whose values are left out there, \(places)"
      )
    }
  }
}
