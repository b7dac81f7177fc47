// SPDX-License-Identifier: Apache-2.0
// What a graph, its drawings and the plans of runs ask of an operator. An operator is a file under Operators/ here, one of
// the same name in IngotRuntime with its arithmetic, and a line in the list below: nothing else asks which one it is.
import IngotCore

/// What a node computes, at the level at which people think of it.
///
/// Of a node's inputs, activations come first; integers, the mask and a cache follow.
package protocol GraphOperator: Hashable, Sendable {
  /// The operator's name in drawings and messages.
  var name: String { get }

  /// The attributes that drawings show, by name.
  var attributes: Metadata { get }

  /// The shape rule: what comes out for what goes in.
  ///
  /// - Parameters:
  ///   - inputs: the types of its inputs, in order.
  ///   - parameters: the shapes of its parameters, in order.
  /// - Returns: the output's type.
  /// - Throws: ``ShapeConflict`` for inputs or parameters that do not fit.
  func outputType(of inputs: [EdgeType], parameters: [Shape]) throws(ShapeConflict) -> EdgeType

  /// How many values an integer input may have, from 0: the rows of the table that it indexes.
  ///
  /// - Parameters:
  ///   - index: the input.
  ///   - parameters: the shapes of its parameters, in order.
  /// - Returns: the number, known or to be known at run time; `nil` for an input that indexes nothing.
  func valueCount(ofInput index: Int, parameters: [Shape]) -> SymbolicDimension?

  /// The least value that an integer of an input may have.
  func leastValue(ofInput index: Int) -> Int

  /// What a token's result depends on.
  var reach: TokenReach { get }

  /// Whether the result may be written over an input.
  func mayOverwrite(input index: Int) -> Bool

  /// Whether it is a matrix product, which takes what follows it into its own step.
  var isProduct: Bool { get }

  /// What it is as the end of a matrix product; `nil` when it can't be one.
  var productEnding: ProductEnding? { get }
}

/// What a token's result depends on.
package enum TokenReach: Hashable, Sendable {
  /// On that token's inputs alone: any rows may be computed without the others.
  case token
  /// On tokens before it too, which a cache keeps: a sequence may pass in chunks, first to last.
  case earlierTokens
  /// On any token: a sequence has to pass as a whole.
  case sequence
}

/// What may follow the sums of a matrix product in the same step.
package enum ProductEnding: Hashable, Sendable {
  /// A function of each number.
  case activation(ActivationKind)
  /// Another value of the same shape, added.
  case residual
}

extension GraphOperator {
  /// None.
  package var attributes: Metadata { Metadata() }

  /// Nothing is indexed.
  package func valueCount(ofInput index: Int, parameters: [Shape]) -> SymbolicDimension? { nil }

  /// From 0 on.
  package func leastValue(ofInput index: Int) -> Int { 0 }

  /// Row by row.
  package var reach: TokenReach { .token }

  /// No input is written over.
  package func mayOverwrite(input index: Int) -> Bool { false }

  /// No product.
  package var isProduct: Bool { false }

  /// No end of a product.
  package var productEnding: ProductEnding? { nil }
}

/// The list of operators.
package enum GraphOperators {
  /// All of them.
  package static let all: [any GraphOperator.Type] = [
    Activation.self, Add.self, Attention.self, Embedding.self, Experts.self, Gate.self, LayerNorm.self,
    Linear.self, Multiply.self, RMSNorm.self, Rotary.self, Scale.self, SelectToken.self, Softcap.self,
  ]
}
