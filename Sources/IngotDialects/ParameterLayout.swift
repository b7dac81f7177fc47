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
  /// The same of all blocks in one tensor.
  package static let stackedPaired = ParameterLayout(.paired, .stacked)

  /// Whether one tensor holds the parameters of all blocks.
  package var isStacked: Bool { steps.contains(.stacked) }
  /// Whether rows and columns are exchanged.
  package var isTransposed: Bool { steps.contains(.transposed) }
  /// Whether rows of zeros stand behind the others.
  package var isPadded: Bool { steps.contains(.padded) }

  /// The steps but for an exchange of rows and columns, where whoever computes takes a weight either way.
  package func steps(transposing: Bool) -> [Step] { steps.filter { transposing || $0 != .transposed } }

  /// The number of rows with those of zeros.
  package static func paddedRowCount(_ count: Int) -> Int { count.checkedAlignUp(to: 128) ?? count }

  /// The shape that a parameter is stored in.
  ///
  /// - Parameters:
  ///   - shape: the parameter's, as its graph has it.
  ///   - blockCount: L.
  ///   - transposing: whether rows and columns are exchanged where the layout says so; not where a weight is taken either way.
  /// - Returns: the stored tensor's; any number of padding rows may stand behind it where it is padded.
  package func storedShape(of shape: Shape, blockCount: Int, transposing: Bool) -> Shape {
    let dimensions = steps(transposing: transposing).reduce(shape.dimensions) { dimensions, step in
      switch step {
      case .transposed: dimensions.reversed()
      case .leadingOne: [1] + dimensions
      case .paired: dimensions
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
  func storedNames(of names: [String], transposing: Bool, blocks: String) -> [String] {
    steps(transposing: transposing).reduce(names) { names, step in
      switch step {
      case .transposed: names.reversed()
      case .leadingOne: ["1"] + names
      case .paired: names
      case .stacked: [blocks] + names
      case .padded: ["\(names.first ?? "") rounded up to 128"] + names.dropFirst()
      }
    }
  }
}
