// SPDX-License-Identifier: Apache-2.0
// A graph from top to bottom: a box for each node, a frame around blocks that repeat, lines at the left for what skips nodes.
import IngotGraph
import IngotKit

/// A graph as a drawing, and the same as a list.
struct GraphFigure {
  /// Nodes that are drawn at the most; of more there is the list.
  private static let limit = 120
  private static let (rowHeight, gap, boxWidth, laneWidth, tagWidth) = (30.0, 12.0, 430.0, 13.0, 130.0)

  private let fold: GraphFold
  /// The upper edge of each node, and of each frame with its height.
  private var tops: [Double] = []
  private var frames: [(segment: Int, top: Double, height: Double)] = []
  private var height = 0.0
  /// Lines that skip nodes, each with its lane.
  private var skips: [(source: Int, target: Int, lane: Int)] = []
  private var left = 0.0

  init(_ graph: ModelGraph) {
    fold = GraphFold(graph)
    guard fold.nodeCount <= Self.limit else { return }
    placeRows()
    placeSkips()
  }

  private mutating func placeRows() {
    var y = 6.0
    for (index, segment) in fold.segments.enumerated() {
      let start = y
      let isFramed = segment.blocks != nil
      if isFramed { y += 26 }
      for _ in segment.nodes {
        tops.append(y)
        y += Self.rowHeight + Self.gap
      }
      if isFramed {
        frames.append((index, start, y - start))
        y += Self.gap
      }
    }
    height = y
  }

  private mutating func placeSkips() {
    let nodes = fold.segments.flatMap(\.nodes)
    let edges = nodes.indices.flatMap { target in
      Set(nodes[target].sources).filter { $0 != target - 1 && $0 < target }.map {
        (source: $0, target: target)
      }
    }.sorted { ($0.target - $0.source, $0.target) < ($1.target - $1.source, $1.target) }
    for edge in edges {
      let taken = Set(
        skips.filter { $0.source < edge.target && edge.source < $0.target }.map(\.lane))
      let lane = (0...taken.count).first { !taken.contains($0) } ?? taken.count
      skips.append((edge.source, edge.target, lane))
    }
    let lanes = (skips.map(\.lane).max() ?? -1) + 1
    left = 24 + Double(lanes) * Self.laneWidth
  }

  /// The drawing.
  var html: HTML {
    guard !tops.isEmpty else {
      return
        "<p class=dim>The graph has \(Count(fold.nodeCount, "node")) where repeated blocks are folded, too many to draw; the table lists them.</p>"
    }
    let width = left + Self.boxWidth + Self.tagWidth
    let nodes = fold.segments.flatMap(\.nodes)
    let boxes = nodes.indices.map { box(nodes[$0], at: tops[$0]) }
    let lines = nodes.indices.map { line(to: $0, of: nodes[$0]) }
    return """
      <div class=scroll role=region aria-label="The graph, drawn" tabindex=0><svg class=graph viewBox="0 0 \(width) \(height)" style="width:\(width)px" role=img aria-label="The graph from top to bottom; the table says the same."><defs><marker id=arrow viewBox="0 0 8 8" refX=7 refY=4 markerWidth=7 markerHeight=7 orient=auto><path d="M0 0L8 4L0 8z"/></marker></defs>\(HTML(frames.map(frame)))\(HTML(skips.map(skip)))\(HTML(lines))\(HTML(boxes))</svg></div>
      """
  }

  private func frame(_ frame: (segment: Int, top: Double, height: Double)) -> HTML {
    let segment = fold.segments[frame.segment]
    return
      "<rect class=frame x=\(left - 12) y=\(frame.top) width=\(Self.boxWidth + 24) height=\(frame.height) rx=8></rect><text class=frame x=\(left) y=\(frame.top + 17)>\(Self.title(of: segment))</text>"
  }

  /// What a segment is called: `h.{0…11}, 12 blocks alike`.
  static func title(of segment: GraphFold.Segment) -> String {
    guard let blocks = segment.blocks else { return "" }
    return blocks.count == 1
      ? "\(segment.prefix).\(blocks.lowerBound)"
      : "\(segment.prefix).{\(blocks.lowerBound)…\(blocks.upperBound)}, \(Count(blocks.count, "block")) alike"
  }

  private func box(_ node: GraphFold.Node, at top: Double) -> HTML {
    let kind = TensorKind(of: node.operation + " " + node.name)
    let isPlain = node.parameterCount == 0 && node.operation != "attention"
    let tags = node.inputs.isEmpty ? "" : "← " + node.inputs.joined(separator: ", ")
    let right = left + Self.boxWidth
    return
      "<g><rect class=\"node k-\(isPlain ? "none" : kind.rawValue)\" x=\(left) y=\(top) width=\(Self.boxWidth) height=\(Self.rowHeight) rx=5></rect><text x=\(left + 10) y=\(top + 19)>\(node.name)</text><text class=op x=\(right - 10) y=\(top + 19)>\(node.operation) \(node.output)</text><text class=tag x=\(right + 16) y=\(top + 19)>\(tags)</text></g>"
  }

  /// The line from the node before.
  private func line(to target: Int, of node: GraphFold.Node) -> HTML {
    guard target > 0, node.sources.contains(target - 1) else { return "" }
    let x = left + Self.boxWidth / 2
    return "<path class=edge d=\"M\(x) \(tops[target - 1] + Self.rowHeight)V\(tops[target] - 1)\"/>"
  }

  private func skip(_ edge: (source: Int, target: Int, lane: Int)) -> HTML {
    let x = left - 18 - Double(edge.lane) * Self.laneWidth
    let start = tops[edge.source] + Self.rowHeight - 8
    let end = tops[edge.target] + 10
    return "<path class=edge d=\"M\(left) \(start)H\(x + 5)q-5 0 -5 5V\(end - 5)q0 5 5 5H\(left - 1)\"/>"
  }

  /// The nodes as a table.
  var table: HTML {
    let limit = 400
    let rows = fold.segments.flatMap { segment in
      segment.nodes.map { node -> HTML in
        "<tr><td>\(Self.title(of: segment))</td><th scope=row>\(node.name)</th><td>\(node.operation)</td><td>\(node.inputs.joined(separator: ", "))</td><td>\(node.output)</td><td class=n>\(node.parameterCount > 0 ? Quantity.count(node.parameterCount) : "–")</td></tr>"
      }
    }
    let rest: HTML =
      rows.count > limit
      ? "<p class=dim>\(Count(rows.count - limit, "more node")): <code>ingot graph</code> lists all.</p>" : ""
    return """
      <details><summary>The graph as a table</summary><div class=scroll role=region aria-label="The graph as a table" tabindex=0><table><thead><tr><th scope=col>blocks<th scope=col>node<th scope=col>operator<th scope=col>inputs from outside<th scope=col>output<th scope=col class=n>parameters</tr></thead><tbody>\(HTML(rows.prefix(limit)))</tbody></table></div>\(rest)</details>
      """
  }
}
