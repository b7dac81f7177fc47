// SPDX-License-Identifier: Apache-2.0
// A task's file: JSON Lines, an item a line. Page: formats/zero-shot.md.
import IngotCore
import IngotEncodings

/// Items of a task, in the file's order.
package struct TaskFile {
  package let items: [TaskItem]

  /// Reads a task's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the content of the file.
  ///   - path: the path by which messages call it.
  ///   - template: how lines become prompts.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the line that breaks a rule of the page.
  package init(_ bytes: [UInt8], path: String, template: TaskTemplate) throws(IngotError) {
    var items: [TaskItem] = []
    var number = 0
    let bytes = bytes.withoutByteOrderMark
    var start = bytes.startIndex
    while start < bytes.endIndex {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      number += 1
      let line = bytes[start..<end]
      start = end + 1
      guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
      let place = Location(path, line: number)
      let object: Metadata
      do throws(JSONFailure) {
        object = try JSONDocument.object(Array(line))
      } catch {
        throw IngotError(error, rule: TaskRule.object.rule, at: place)
      }
      let item = try TaskItemReader(template: template, object: object, place: place).item()
      guard item.hasChoices == items.first?.hasChoices ?? item.hasChoices else {
        throw .malformed(
          TaskRule.kind.rule, at: place, found: item.hasChoices ? "choices" : "expected",
          expected: "what the first line has")
      }
      items.append(item)
    }
    guard !items.isEmpty else {
      throw .malformed(TaskRule.notEmpty.rule, at: Location(path), found: "no line", expected: "an item")
    }
    self.items = items
  }
}

extension TaskItem {
  /// Whether a choice is right, and not a text that is generated.
  fileprivate var hasChoices: Bool {
    if case .choice = answer { true } else { false }
  }
}
