// SPDX-License-Identifier: Apache-2.0
// Reads a page of formats/: its head, and the table of rules. It reads no more of Markdown than that.
import IngotTestSupport

/// A page that specifies a format.
struct FormatPage {
  /// One row of the table of rules: `| ST-01 | MUST | The file has… | reason |`.
  struct Rule {
    let id: String
    let strength: String
  }

  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  /// The keys that every head has, in this order.
  static let headKeys = [
    "id", "title", "extensions", "magic", "endian", "authority", "authority-version", "reader", "writer",
    "limits",
    "checked-on",
  ]

  let name: String
  let text: String
  /// The head's keys in order.
  let keys: [String]
  /// The head's values; lines of a list that stand below a key are joined by line feeds.
  let head: [String: String]
  /// The rules in the page's order.
  let rules: [Rule]

  /// - Parameter name: the file's name under `formats/`.
  /// - Throws: when the page is not there or has no head.
  init(_ name: String) throws {
    self.name = name
    text = try Fixture.packageText("formats/" + name)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else {
      throw Malformed(description: "\(name) does not begin with a head between two lines of `---`")
    }
    var keys: [String] = []
    var head: [String: String] = [:]
    for line in lines[1..<end] {
      if let entry = line.wholeMatch(of: /([a-z-]+):\s*(.*)/) {
        keys.append(String(entry.1))
        head[String(entry.1)] = String(entry.2)
      } else if let key = keys.last {
        head[key, default: ""] += "\n" + line
      }
    }
    self.keys = keys
    self.head = head
    rules = text.matches(of: /(?m)^\| `?([A-Z][A-Z\d]{1,3}-\d\d)`? \| (\w[\w ]*?) \|/).map {
      Rule(id: String($0.1), strength: String($0.2))
    }
  }

  /// The `extensions` of the head: `[a, b]`.
  var extensions: [String] {
    (head["extensions"] ?? "").split { "[], ".contains($0) }.map(String.init)
  }
}
