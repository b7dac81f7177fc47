// SPDX-License-Identifier: Apache-2.0
// A model's graph as text, as Graphviz DOT, and as JSON.
import IngotGraph
import IngotKit

/// Drawings of graphs.
package enum GraphDrawing {
  /// A table of nodes in the order in which they are computed.
  package static func text(_ graph: ModelGraph, style: TextStyle) -> [String] {
    var table = TableLayout([
      ("node", .left), ("operator", .left), ("inputs", .left), ("output", .left), ("parameters", .left),
    ])
    let producers = producers(graph)
    for node in graph.nodes {
      let parameters = node.parameters.compactMap { graph.parameter($0) }
      table.add([
        node.name, label(node.operation),
        node.inputs.compactMap { producers[$0.index] }.joined(separator: " "),
        graph.edges[node.output.index].description,
        parameters.map { "\($0.role.kind.name) \($0.shape.label)" }.joined(separator: ", "),
      ])
    }
    let outputs = graph.outputs.map { "\($0.name) = \(producers[$0.edge.index] ?? "")" }
    return table.lines(style) + ["", "outputs  " + outputs.joined(separator: ", ")]
      + ["\(Quantity.count(graph.parameterCount)) parameters in \(Count(graph.parameters.count, "tensor"))"]
  }

  /// Graphviz DOT.
  package static func dot(_ graph: ModelGraph) -> String {
    let producers = producers(graph)
    var lines = [
      "digraph \"\(graph.architecture)\" {", "  rankdir=TB;", "  node [shape=box, fontname=\"sans-serif\"];",
    ]
    for input in shownInputs(graph) { lines.append("  \"\(input.input.name)\" [shape=ellipse];") }
    for node in graph.nodes {
      lines.append("  \"\(node.name)\" [label=\"\(node.name)\\n\(label(node.operation))\"];")
      for input in node.inputs {
        guard let producer = producers[input.index] else { continue }
        lines.append("  \"\(producer)\" -> \"\(node.name)\" [label=\"\(graph.edges[input.index])\"];")
      }
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  /// JSON by the contract.
  package static func json(_ graph: ModelGraph) -> String {
    let producers = producers(graph)
    let nodes = graph.nodes.map { node in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(node.name)),
          .init(key: "operator", value: .string(node.operation.name)),
          .init(key: "attributes", value: .object(node.operation.attributes)),
          .init(
            key: "inputs", value: .array(node.inputs.compactMap { producers[$0.index] }.map { .string($0) })),
          .init(key: "output", value: .string(graph.edges[node.output.index].description)),
          .init(key: "parameters", value: .array(node.parameters.map { .string($0.description) })),
        ]))
    }
    let parameters = graph.parameters.map { parameter in
      MetadataValue.object(
        Metadata([
          .init(key: "role", value: .string(parameter.role.description)),
          .init(key: "shape", value: JSONText.shape(parameter.shape)),
        ]))
    }
    let outputs = graph.outputs.map { output in
      Metadata.Entry(key: output.name, value: .string(producers[output.edge.index] ?? ""))
    }
    return JSONText.document([
      ("architecture", .string(graph.architecture)), ("nodes", .array(nodes)),
      ("parameters", .array(parameters)),
      ("outputs", .object(Metadata(outputs))),
    ])
  }

  /// The inputs; caches, which are state, are left out.
  private static func shownInputs(_ graph: ModelGraph) -> [ModelGraph.Input] {
    graph.inputs.filter { $0.input.type.element != .cache }
  }

  /// What each edge comes from, but for caches.
  private static func producers(_ graph: ModelGraph) -> [Int: String] {
    var producers: [Int: String] = [:]
    for input in shownInputs(graph) { producers[input.edge.index] = input.input.name }
    for node in graph.nodes { producers[node.output.index] = node.name }
    return producers
  }

  /// An operator with its attributes.
  static func label(_ operation: any GraphOperator) -> String {
    let attributes = operation.attributes.entries.map { "\($0.key) \(JSONText.text($0.value))" }
    return attributes.isEmpty
      ? operation.name
      : "\(operation.name) (\(attributes.joined(separator: ", ")))"
        .filter { $0 != "\"" }
  }
}
