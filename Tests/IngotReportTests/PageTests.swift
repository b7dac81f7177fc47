// SPDX-License-Identifier: Apache-2.0
// The parts of a page that are computed: rectangles of sizes, and graphs with their blocks folded.
import IngotGraph
import IngotKit
import IngotReport
import IngotTestSupport
import Testing

@Suite struct PageTests {
  @Test(arguments: 1...40)
  func `rectangles have the areas of their sizes and fill the whole without overlap`(count: Int) {
    var random = SeededRandom(seed: UInt64(count))
    let sizes = (0..<count).map { _ in Double(random.integer(in: 1...1000)) }.sorted(by: >)
    let area = Treemap.Rectangle(x: 3, y: 5, width: 1000, height: 400)
    let rectangles = Treemap.layout(sizes, in: area)
    let total = sizes.reduce(0, +)
    #expect(rectangles.count == count)
    for (size, frame) in zip(sizes, rectangles) {
      #expect((frame.width * frame.height - 400_000 * size / total).magnitude < 1e-6)
      #expect(frame.x >= 3 - 1e-9 && frame.x + frame.width <= 1003 + 1e-9)
      #expect(frame.y >= 5 - 1e-9 && frame.y + frame.height <= 405 + 1e-9)
    }
    for (index, a) in rectangles.enumerated() {
      for b in rectangles.dropFirst(index + 1) {
        let isApart =
          a.x + a.width <= b.x + 1e-6 || b.x + b.width <= a.x + 1e-6 || a.y + a.height <= b.y + 1e-6
          || b.y + b.height <= a.y + 1e-6
        #expect(isApart, "\(a) and \(b)")
      }
    }
  }

  /// The example of the paper: six units by four, and its figure of the result.
  @Test func `the rectangles are those of the paper`() {
    let area = Treemap.Rectangle(x: 0, y: 0, width: 6, height: 4)
    let found = Treemap.layout([6, 6, 4, 3, 2, 2, 1], in: area)
    #expect(
      found.prefix(2) == [
        Treemap.Rectangle(x: 0, y: 0, width: 3, height: 2),
        Treemap.Rectangle(x: 0, y: 2, width: 3, height: 2),
      ])
    // Beside them 4 and 3 lie in a row above the rest.
    #expect((found[2].width - 12 / 7).magnitude < 1e-9 && (found[2].height - 7 / 3).magnitude < 1e-9)
    #expect((found[3].width - 9 / 7).magnitude < 1e-9 && found[3].y == 0)
  }

  @Test func `no sizes, and a place without room, are no fault`() {
    let area = Treemap.Rectangle(x: 0, y: 0, width: 6, height: 0)
    #expect(Treemap.layout([], in: area).isEmpty)
    #expect(Treemap.layout([2, 1], in: area).allSatisfy { $0.width == 0 && $0.height == 0 })
  }

  private func fold(_ path: String) throws -> (ModelGraph, GraphFold) {
    let graph = try Ingot.graph(of: Fixture.path(path), options: ValidateOptions())
    return (graph, GraphFold(graph))
  }

  @Test func `blocks that are alike are one, and what goes in comes from what is drawn`() throws {
    let (graph, fold) = try fold("kjv-gpt2")
    #expect(fold.segments.map(\.blocks) == [nil, 0...3, nil])
    #expect(fold.segments.map(\.nodes.count) == [3, 10, 2])
    let nodes = fold.segments.flatMap(\.nodes)
    #expect(
      nodes.map(\.name) == [
        "wte", "wpe", "embed", "ln_1", "attn.c_attn", "attn", "attn.c_proj", "attn.add", "ln_2", "mlp.c_fc",
        "mlp.act", "mlp.c_proj", "mlp.add", "ln_f", "lm_head",
      ])
    #expect(nodes[7].sources == [2, 6] && nodes[12].sources == [7, 11] && nodes[13].sources.first == 12)
    #expect(nodes[5].inputs == ["mask"] && nodes[0].inputs == ["ids"])
    #expect(nodes[4].parameterCount == 128 * 384 + 384)
    #expect(graph.nodes.count == 3 + 4 * 10 + 2)
  }

  /// Blocks whose attention is cut off by turns are no copies of each other.
  @Test(arguments: Fixture.models.filter { !$0.hasPrefix("models/") })
  func `every model's nodes are in some segment, and none comes before what it takes`(_ path: String) throws {
    let (graph, fold) = try fold(path)
    let count = fold.segments.reduce(0) { $0 + $1.nodes.count * ($1.blocks?.count ?? 1) }
    #expect(count == graph.nodes.count)
    for (index, node) in fold.segments.flatMap(\.nodes).enumerated() {
      #expect(node.sources.allSatisfy { $0 < index })
    }
    let names = Set(fold.segments.flatMap { $0.nodes.map { node in node.operation + node.output } })
    let all = Set(graph.nodes.map { $0.operation.name + graph.edges[$0.output.index].description })
    #expect(names == all)
  }
}
