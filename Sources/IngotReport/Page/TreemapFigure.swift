// SPDX-License-Identifier: Apache-2.0
// Where the bytes are: a rectangle for each family, divided into its members, that leads to its row of the table.
import IngotKit

/// The sizes of a report's families as a drawing.
struct TreemapFigure {
  /// One rectangle.
  private struct Item {
    var name: String
    var family: Int?
    var kind: TensorKind
    var byteCount: Int
    var memberCount: Int
  }

  private static let area = Treemap.Rectangle(x: 0, y: 0, width: 1000, height: 400)
  /// Rectangles at the most; the rest is one of them.
  private static let limit = 80
  /// Width of a character, and room beside text.
  private static let (characterWidth, margin) = (6.7, 6.0)

  private let items: [Item]
  private let total: Int

  init(_ report: ModelReport) {
    let sizes = report.families.indices.map { index -> (family: Int, byteCount: Int, memberCount: Int) in
      // Shared bytes are the owner's.
      let own = report.families[index].tensors.members.filter { report.tensors[$0].owner == $0 }
      return (index, own.reduce(0) { $0 + report.tensors[$1].descriptor.byteCount }, own.count)
    }.filter { $0.byteCount > 0 }.sorted { ($0.byteCount, $1.family) > ($1.byteCount, $0.family) }
    let shown = sizes.prefix(sizes.count > Self.limit ? Self.limit - 1 : Self.limit)
    let kinds = TensorKind.kinds(report)
    var items = shown.map { size in
      let family = report.families[size.family].tensors
      return Item(
        name: family.name, family: size.family, kind: kinds(family.members[0]), byteCount: size.byteCount,
        memberCount: size.memberCount)
    }
    let rest = sizes.dropFirst(shown.count)
    if !rest.isEmpty {
      items.append(
        Item(
          name: "\(Count(rest.count, "smaller family", "smaller families"))", kind: .other,
          byteCount: rest.reduce(0) { $0 + $1.byteCount },
          memberCount: rest.reduce(0) { $0 + $1.memberCount }))
      items.sort { $0.byteCount > $1.byteCount }
    }
    (self.items, total) = (items, items.reduce(0) { $0 + $1.byteCount })
  }

  /// The figure; nothing where there are no bytes.
  ///
  /// - Parameter anchor: the name of a family's row; `nil` where it has none.
  /// - Returns: the figure.
  func html(anchor: (Int) -> String?) -> HTML {
    guard total > 0 else { return "<p class=dim>There are no bytes to draw.</p>" }
    let rectangles = Treemap.layout(items.map { Double($0.byteCount) }, in: Self.area)
    let shapes = zip(items, rectangles).map { shape($0, $1, anchor: anchor) }
    let kinds = TensorKind.allCases.filter { kind in items.contains { $0.kind == kind } }
    let legend = kinds.map { kind -> HTML in
      let bytes = items.filter { $0.kind == kind }.reduce(0) { $0 + $1.byteCount }
      return
        "<li><i class=\"key k-\(kind.rawValue)\"></i>\(kind.title) <span class=dim>\(Quantity.bytes(bytes)), \(Quantity.percent(Double(bytes) / Double(total)))</span></li>"
    }
    return """
      <div class=scroll role=region aria-label="Sizes, drawn" tabindex=0><svg class=treemap viewBox="0 0 1000 400" role=group aria-label="A rectangle for each family of tensors; its area is its bytes.">\(HTML(shapes))</svg></div>
      <ul class=legend>\(HTML(legend))</ul>
      """
  }

  private func shape(
    _ item: Item, _ frame: Treemap.Rectangle, anchor: (Int) -> String?
  ) -> HTML {
    let share = Quantity.percent(Double(item.byteCount) / Double(total))
    let members = item.memberCount > 1 ? ", \(Count(item.memberCount, "tensor"))" : ""
    let size = "\(Quantity.bytes(item.byteCount)), \(share)"
    let content: HTML = """
      <title>\(PageName.plain(item.name)): \(size)\(members)</title><rect class="k-\(item.kind.rawValue)" x=\(frame.x) y=\(frame.y) width=\(frame.width) height=\(frame.height)></rect>\(divisions(item, frame))\(label(item, size, frame))
      """
    guard let target = item.family.flatMap(anchor) else { return "<g>\(content)</g>" }
    return "<a href=\"#\(target)\">\(content)</a>"
  }

  /// Lines between a family's members, where they are not too close.
  private func divisions(_ item: Item, _ frame: Treemap.Rectangle) -> HTML {
    let isWide = frame.width >= frame.height
    let step = (isWide ? frame.width : frame.height) / Double(item.memberCount)
    guard item.memberCount > 1, item.family != nil, step >= 4 else { return "" }
    var path: HTML = ""
    for index in 1..<item.memberCount {
      let offset = step * Double(index)
      path +=
        isWide
        ? "M\(frame.x + offset) \(frame.y)v\(frame.height)" : "M\(frame.x) \(frame.y + offset)h\(frame.width)"
    }
    return "<path class=divide d=\"\(path)\"/>"
  }

  /// The last parts of the name, as many as there is room for, and the size.
  private func label(_ item: Item, _ size: String, _ frame: Treemap.Rectangle) -> HTML {
    let room = Int((frame.width - 2 * Self.margin) / Self.characterWidth)
    guard room >= 3, frame.height >= 18 else { return "" }
    let (x, y) = (frame.x + Self.margin, frame.y + 15)
    let name: HTML = "<text x=\(x) y=\(y)>\(Self.shortened(item.name, to: room))</text>"
    guard frame.height >= 34, size.count <= room else { return name }
    return name + "<text class=size x=\(x) y=\(y + 15)>\(size)</text>"
  }

  /// A name without its first parts, cut where it is still too long.
  private static func shortened(_ name: String, to room: Int) -> String {
    let safe = PrintableText.escaped(name, limit: 300)
    guard safe.count > room else { return safe }
    var parts = safe.split(separator: ".", omittingEmptySubsequences: false)
    while parts.count > 1, parts.reduce(parts.count - 1, { $0 + $1.count }) > room { parts.removeFirst() }
    let text = parts.joined(separator: ".")
    return text.count > room ? text.prefix(max(1, room - 1)) + "…" : text
  }
}
