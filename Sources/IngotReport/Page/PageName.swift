// SPDX-License-Identifier: Apache-2.0
// Names from files on a page: short ones whole, long ones with their middle left out, and whole once more as long as there
// is room for that.
import IngotKit

/// Names as a page shows them.
struct PageName {
  /// Characters of a name that are shown whole.
  private static let limit = 160
  /// Characters of a long one that are shown of its start and of its end.
  private static let (startCount, endCount) = (96, 40)
  /// Bytes that whole long names may take on the page.
  private var room = 200_000
  /// Long names that no room was left for.
  private(set) var cutCount = 0

  /// A name in the middle of other text.
  static func short(_ name: String) -> HTML {
    guard name.utf8.count > limit else { return "\(name)" }
    let scalars = name.unicodeScalars
    guard scalars.count > limit else { return "\(name)" }
    let (start, end) = (String(scalars.prefix(startCount)), String(scalars.suffix(endCount)))
    return "\(start)<i class=cut>… \(scalars.count) characters …</i>\(end)"
  }

  /// A name where no tags can be, as in a title.
  static func plain(_ name: String) -> HTML {
    guard isCut(name) else { return "\(name)" }
    let scalars = name.unicodeScalars
    return "\(String(scalars.prefix(startCount)))…\(String(scalars.suffix(endCount)))"
  }

  /// A name in a column of names: its lines end behind dots and slashes, never in a range of numbers.
  static func inColumn(_ name: String) -> HTML {
    guard !isCut(name) else { return short(name) }
    var html: HTML = ""
    var part = ""
    func close() {
      html += part.hasPrefix("{") ? "<span class=nb>\(part)</span>" : "\(part)"
      part = ""
    }
    for scalar in name.unicodeScalars {
      part.unicodeScalars.append(scalar)
      guard scalar == "." || scalar == "/" else { continue }
      close()
      html += "<wbr>"
    }
    close()
    return html
  }

  /// Whether a name is shown with its middle left out.
  static func isCut(_ name: String) -> Bool {
    name.utf8.count > limit && name.unicodeScalars.count > limit
  }

  /// A name whole, where it was cut and there is room; else nothing.
  mutating func whole(_ name: String) -> HTML {
    guard Self.isCut(name) else { return "" }
    // A character takes ten bytes at the most.
    guard name.utf8.count < room / 10 else {
      cutCount += 1
      return ""
    }
    let html: HTML = "<p class=whole><b>Whole name</b> <code>\(name)</code></p>"
    room -= html.byteCount
    return html
  }
}
