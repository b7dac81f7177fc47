// SPDX-License-Identifier: Apache-2.0
// A graph with repeated blocks as one: blocks that follow each other and compute alike, but for their numbers.
import IngotGraph
import IngotKit

/// A graph's nodes, repeated blocks folded.
package struct GraphFold {
  /// Nodes that stand for themselves, or for as many blocks of the same.
  package struct Segment {
    /// The nodes, of the first block where there are several.
    package var nodes: [Node]
    /// What their names begin with, without the block's number; empty for nodes outside blocks.
    package var prefix = ""
    /// The numbers of the blocks; `nil` for nodes outside blocks.
    package var blocks: ClosedRange<Int>?
  }

  /// A node as it is drawn.
  package struct Node {
    /// Its name, without that of its block.
    package var name: String
    /// The operator's name.
    package var operation: String
    /// What comes out.
    package var output: String
    /// What goes in: other nodes by their place among all that are drawn.
    package var sources: [Int]
    /// What goes in from outside the graph.
    package var inputs: [String]
    /// Numbers of its parameters.
    package var parameterCount: Int
  }

  /// Blocks, and nodes outside them, from top to bottom.
  package private(set) var segments: [Segment] = []

  /// Nodes that are drawn.
  var nodeCount: Int { segments.reduce(0) { $0 + $1.nodes.count } }

  /// Folds a graph.
  package init(_ graph: ModelGraph) {
    let blocks = Self.blocks(graph.nodes)
    let inputs = Self.inputs(graph)
    var producers: [Int: Int] = [:]
    for (index, node) in graph.nodes.enumerated() { producers[node.output.index] = index }
    // Where each node is drawn; that of a folded block where its first one's is.
    var places = [Int](repeating: 0, count: graph.nodes.count)
    var count = 0
    var last: (signature: [String], start: Int)?
    for block in blocks {
      let signature = block.nodes.map { index in
        Self.signature(of: graph.nodes[index], in: block, graph, producers, inputs)
      }
      if let number = block.number, let last, last.signature == signature,
        let segment = segments.indices.last, segments[segment].prefix == block.prefix,
        let numbers = segments[segment].blocks, numbers.upperBound + 1 == number
      {
        segments[segment].blocks = numbers.lowerBound...number
        for (offset, index) in block.nodes.enumerated() { places[index] = last.start + offset }
        continue
      }
      for (offset, index) in block.nodes.enumerated() { places[index] = count + offset }
      segments.append(
        Segment(
          nodes: block.nodes.map { index in
            Self.node(graph.nodes[index], of: block, graph, inputs) { edge in
              producers[edge].map { places[$0] }
            }
          }, prefix: block.prefix, blocks: block.number.map { $0...$0 }))
      last = (signature, count)
      count += block.nodes.count
    }
  }

  /// Nodes of one block, or outside blocks, that follow each other.
  private struct Block {
    var prefix: String
    var number: Int?
    var nodes: Range<Int>
  }

  private static func blocks(_ nodes: [GraphNode]) -> [Block] {
    var blocks: [Block] = []
    for (index, node) in nodes.enumerated() {
      let (prefix, number) = block(of: node.name)
      if let last = blocks.last, last.prefix == prefix, last.number == number {
        blocks[blocks.count - 1].nodes = last.nodes.lowerBound..<(index + 1)
      } else {
        blocks.append(Block(prefix: prefix, number: number, nodes: index..<(index + 1)))
      }
    }
    return blocks
  }

  /// The block that a node's name tells: `h` and 3 of `h.3.attn.c_attn`.
  private static func block(of name: String) -> (prefix: String, number: Int?) {
    let parts = name.split(separator: ".")
    guard let place = parts.firstIndex(where: { Int($0) != nil }), place > 0, let number = Int(parts[place])
    else { return ("", nil) }
    return (parts[..<place].joined(separator: "."), number)
  }

  private static func shortName(_ name: String, in block: Block) -> String {
    guard let number = block.number else { return name }
    return String(name.dropFirst("\(block.prefix).\(number).".count))
  }

  /// The names of what comes from outside, but for caches, which are state.
  private static func inputs(_ graph: ModelGraph) -> [Int: String] {
    Dictionary(
      graph.inputs.filter { $0.input.type.element != .cache }.map { ($0.edge.index, $0.input.name) }
    ) { first, _ in first }
  }

  /// What a node has in common with those of other blocks that compute the same.
  private static func signature(
    of node: GraphNode, in block: Block, _ graph: ModelGraph, _ producers: [Int: Int], _ inputs: [Int: String]
  ) -> String {
    let sources = node.inputs.map { edge -> String in
      guard let producer = producers[edge.index] else { return inputs[edge.index] ?? "" }
      if block.nodes.contains(producer) { return shortName(graph.nodes[producer].name, in: block) }
      // What comes in is what the block before gives, whatever that is.
      return producer == block.nodes.lowerBound - 1 ? "^" : graph.nodes[producer].name
    }
    let shapes = node.parameters.compactMap { graph.parameter($0)?.shape.label }
    return [
      shortName(node.name, in: block), GraphDrawing.label(node.operation),
      graph.edges[node.output.index].description, sources.joined(separator: " "),
      shapes.joined(separator: " "),
    ].joined(separator: "|")
  }

  private static func node(
    _ node: GraphNode, of block: Block, _ graph: ModelGraph, _ inputs: [Int: String],
    place: (Int) -> Int?
  ) -> Node {
    Node(
      name: shortName(node.name, in: block), operation: node.operation.name,
      output: graph.edges[node.output.index].description,
      sources: node.inputs.compactMap { place($0.index) },
      inputs: node.inputs.compactMap { inputs[$0.index] },
      parameterCount: node.parameters.compactMap { graph.parameter($0)?.shape.elementCount }.reduce(0, +))
  }
}
