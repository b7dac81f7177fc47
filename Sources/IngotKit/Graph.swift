// SPDX-License-Identifier: Apache-2.0
// `graph`: what a model computes.
import IngotCore
import IngotGraph
import IngotModels

extension Ingot {
  /// The graph of a model, by its config and the head that its tensors have.
  ///
  /// - Parameters:
  ///   - path: the model.
  ///   - options: where its config is, and how to read.
  /// - Returns: the graph.
  /// - Throws: the errors of opening a model.
  package static func graph(of path: String, options: ValidateOptions) throws(IngotError) -> ModelGraph {
    try Model(path, config: options.config, reading: options.reading, work: options.work).recognised.graph
  }
}
