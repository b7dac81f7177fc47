// SPDX-License-Identifier: Apache-2.0
// How a publisher stores a parameter, as steps from the order that its architecture's own publisher has.
import IngotCore

/// How a parameter is stored, held against the architecture's own layout: steps, each of which can be taken back.
package struct ParameterLayout: Hashable, Sendable, CustomStringConvertible {
  /// One step.
  package enum Step: String, Hashable, Sendable {
    /// Rows and columns are exchanged.
    case transposed
    /// A dimension of 1 stands before the others.
    case leadingOne = "leading 1"
    /// The rows of each head that are turned together stand side by side, and not half a head apart.
    case paired = "pairs side by side"
    /// Of rows of queries, keys and values, those of each head stand together.
    case byHead = "head by head"
    /// The first dimension, of 1, may be left out: llama.cpp's tools do, where its converter does not.
    case optionalLeadingOne = "leading 1 or none"
    /// Rows of another parameter stand behind these.
    case firstHalf = "first half"
    /// Rows of another parameter stand before these.
    case secondHalf = "second half"
    /// Two halves of rows stand row by row.
    case interleaved = "rows by turns"
    /// Rows and columns are exchanged, of what is taken apart before anything is computed with it.
    case turned
    /// One tensor holds the parameters of all experts of a block, along a first dimension.
    case stackedByExpert = "stacked by expert"
    /// The values are greater by 1.
    case plusOne = "plus 1"
    /// One tensor holds the parameters of all blocks, along a first dimension.
    case stacked
    /// Rows of zeros stand behind the others, up to a multiple of 128.
    case padded
  }

  /// The steps from the parameter to the stored tensor.
  package let steps: [Step]

  /// Makes a layout of steps.
  package init(_ steps: Step...) { self.steps = steps }

  /// The same.
  package static let asIs = ParameterLayout()
  /// Rows and columns are exchanged.
  package static let transposed = ParameterLayout(.transposed)
  /// A dimension of 1 stands before the others.
  package static let leadingOne = ParameterLayout(.leadingOne)
  /// One tensor holds the parameters of all blocks.
  package static let stacked = ParameterLayout(.stacked)
  /// The same, of matrices whose rows and columns are exchanged.
  package static let stackedTransposed = ParameterLayout(.transposed, .stacked)
  /// Rows of zeros stand behind the others.
  package static let padded = ParameterLayout(.padded)

  /// Rows that are turned together stand side by side.
  package static let paired = ParameterLayout(.paired)
  /// Of rows of queries, keys and values, those of each head stand together.
  package static let byHead = ParameterLayout(.byHead)
  /// The first dimension, of 1, may be left out.
  package static let optionalLeadingOne = ParameterLayout(.optionalLeadingOne)
  /// One tensor holds the parameters of all experts of a block.
  package static let stackedByExpert = ParameterLayout(.stackedByExpert)
  /// The same, with rows and columns exchanged.
  package static let turnedByExpert = ParameterLayout(.turned, .stackedByExpert)
  /// The same, of which the first of each two columns belong to this parameter.
  package static let evenColumns = ParameterLayout(.firstHalf, .interleaved, .turned, .stackedByExpert)
  /// The same, of which the second of each two columns belong to this parameter.
  package static let oddColumns = ParameterLayout(.secondHalf, .interleaved, .turned, .stackedByExpert)
  /// One tensor holds the vectors of all experts of a block, of which the first of each two values belong to this parameter.
  package static let evenValues = ParameterLayout(.firstHalf, .interleaved, .stackedByExpert)
  /// The same, of which the second of each two values belong to this parameter.
  package static let oddValues = ParameterLayout(.secondHalf, .interleaved, .stackedByExpert)
  /// The same, with rows of another parameter behind those of each.
  package static let firstHalves = ParameterLayout(.firstHalf, .stackedByExpert)
  /// The same, with rows of another parameter before those of each.
  package static let secondHalves = ParameterLayout(.secondHalf, .stackedByExpert)
  /// The values are greater by 1.
  package static let plusOne = ParameterLayout(.plusOne)
  /// Rows that are turned together stand side by side, of all blocks in one tensor.
  package static let stackedPaired = ParameterLayout(.paired, .stacked)

  /// Whether one tensor holds the parameters of all blocks.
  package var isStacked: Bool { steps.contains(.stacked) }
  /// Whether one tensor holds the parameters of all experts of a block.
  package var isStackedByExpert: Bool { steps.contains(.stackedByExpert) }
  /// Whether one tensor holds the parameters of all blocks, or of all experts of one.
  package var holdsMany: Bool { isStacked || isStackedByExpert }
  /// Whether rows of another parameter stand behind these.
  package var isFirstHalf: Bool { steps.contains(.firstHalf) }
  /// Whether rows of another parameter stand in the same tensor.
  package var isHalf: Bool { isFirstHalf || isSecondHalf }
  /// Whether rows of another parameter stand before these.
  package var isSecondHalf: Bool { steps.contains(.secondHalf) }
  /// Whether rows and columns are exchanged.
  package var isTransposed: Bool { steps.contains(.transposed) }
  /// Whether rows of zeros stand behind the others.
  package var isPadded: Bool { steps.contains(.padded) }
  /// Whether the first dimension, of 1, may be left out.
  package var mayLackLeadingOne: Bool { steps.contains(.optionalLeadingOne) }

  /// The steps but for an exchange of rows and columns, where whoever computes takes a weight either way.
  package func steps(transposing: Bool) -> [Step] { steps.filter { transposing || $0 != .transposed } }

  /// The number of rows with those of zeros.
  package static func paddedRowCount(_ count: Int) -> Int { count.checkedAlignUp(to: 128) ?? count }

  /// The shape that a parameter is stored in.
  ///
  /// - Parameters:
  ///   - shape: the parameter's, as its graph has it.
  ///   - blockCount: L.
  ///   - expertCount: experts of a block.
  ///   - transposing: whether rows and columns are exchanged where the layout says so; not where a weight is taken either way.
  /// - Returns: the stored tensor's; any number of padding rows may stand behind it where it is padded.
  package func storedShape(
    of shape: Shape, blockCount: Int, expertCount: Int = 0, transposing: Bool
  ) -> Shape {
    let dimensions = steps(transposing: transposing).reduce(shape.dimensions) { dimensions, step in
      switch step {
      case .transposed, .turned: dimensions.reversed()
      case .leadingOne: [1] + dimensions
      case .paired, .plusOne, .byHead, .interleaved, .optionalLeadingOne: dimensions
      case .firstHalf, .secondHalf: [2 * (dimensions.first ?? 0)] + dimensions.dropFirst()
      case .stackedByExpert: [expertCount] + dimensions
      case .stacked: [blockCount] + dimensions
      case .padded: [Self.paddedRowCount(dimensions.first ?? 0)] + dimensions.dropFirst()
      }
    }
    return Shape(dimensions) ?? shape
  }

  /// The layout in words: `stacked, transposed`.
  package var description: String {
    guard !steps.isEmpty else { return "as is" }
    return steps.reversed().map(\.rawValue).joined(separator: ", ")
  }

  /// What reports call the dimensions of the stored tensor.
  func storedNames(of names: [String], transposing: Bool, blocks: String, experts: String) -> [String] {
    steps(transposing: transposing).reduce(names) { names, step in
      switch step {
      case .transposed, .turned: names.reversed()
      case .leadingOne: ["1"] + names
      case .paired, .plusOne, .byHead, .interleaved, .optionalLeadingOne: names
      case .firstHalf, .secondHalf: ["2 · \(names.first ?? "")"] + names.dropFirst()
      case .stackedByExpert: [experts] + names
      case .stacked: [blocks] + names
      case .padded: ["\(names.first ?? "") rounded up to 128"] + names.dropFirst()
      }
    }
  }
}
