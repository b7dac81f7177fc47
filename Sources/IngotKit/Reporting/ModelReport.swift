// SPDX-License-Identifier: Apache-2.0
// All that is told of a checkpoint on one page: what headers say, what its values are like, what differs from another, what
// it computes on a text. Ingot.report makes it.
import IngotCore
import IngotEvaluation
import IngotFormats
import IngotGraph
import IngotKernels
import IngotModels

/// All that is told of a checkpoint at once.
public struct ModelReport: Sendable {
  /// One tensor with what its values are like.
  public struct Tensor: Sendable {
    /// What the header says.
    public var descriptor: TensorDescriptor
    /// Statistics of its values; `nil` where they are no real numbers, or can't be told.
    public var statistics: ElementStatistics?
    /// A closer look, of some tensors only where there are many.
    public var detail: Detail?
    /// The index of the tensor that it shares its bytes with; its own where it has some.
    public var owner: Int

    /// Bits that a value takes, scales and all else counted; `nil` where there is no value.
    public var bitsPerValue: Double? {
      let count = descriptor.shape.elementCount
      return count > 0 ? 8 * Double(descriptor.byteCount) / Double(count) : nil
    }
  }

  /// How values are spread, and which stand out.
  public struct Detail: Sendable {
    /// Bins for drawing, at most ``ReportOptions/binCount``.
    public var bins: [ValueHistogram.Bin]
    /// Values further from the mean than ``ReportOptions/outlierDeviations`` standard deviations; `nil` where all are the same,
    /// or some are not finite.
    public var tails: ValueHistogram.Tails?
    /// Rows whose values are far larger than the others'; `nil` for what is no matrix, or holds what is not finite.
    public var outlierRows: OutlierChannels?
    /// Columns whose values are far larger than the others'.
    public var outlierColumns: OutlierChannels?
  }

  /// Tensors of repeated blocks together.
  public struct Family: Sendable {
    /// Which they are.
    public var tensors: TensorFamily
    /// Statistics of all their values, those of shared bytes once a name.
    public var statistics: ElementStatistics?
    /// How the values of all are spread; `nil` for one tensor, and for small families where there are many.
    public var bins: [ValueHistogram.Bin]?
  }

  /// Tensors with what is told of them, made when they are looked at: there may be millions.
  public struct Listing: RandomAccessCollection, Sendable {
    let descriptors: [TensorDescriptor]
    let owners: [Int]
    let statistics: [ElementStatistics?]
    let details: [Int: Detail]

    /// The first position.
    public var startIndex: Int { 0 }
    /// The position behind the last tensor.
    public var endIndex: Int { descriptors.count }

    /// One tensor.
    public subscript(position: Int) -> Tensor {
      let owner = owners[position]
      return Tensor(
        descriptor: descriptors[position], statistics: statistics[owner], detail: details[owner], owner: owner
      )
    }

    /// Tensors that have a closer look.
    public var detailCount: Int { details.count }

    /// Whether every tensor whose values are told has a closer look.
    public var isDetailed: Bool {
      !indices.contains { owners[$0] == $0 && statistics[$0] != nil && details[$0] == nil }
    }
  }

  /// What headers say, with the model where it is understood.
  public var inspection: InspectionReport
  /// All tensors.
  public var tensors: Listing
  /// The tensors folded by blocks, in the order of their first tensors.
  public var families: [Family]
  /// The path of the other checkpoint, which stands for the original.
  public var other: String?
  /// What differs from the other one, which is the first of the two.
  public var difference: DiffReport?
  /// What differs of each tensor.
  public var changes: ReportChanges?
  /// The text or tokens that the model was measured on.
  public var text: String?
  /// What it computes there, with the other one as its baseline.
  public var evaluation: EvaluationReport?

  /// The graph, where the model is understood.
  package var graph: ModelGraph? { inspection.model?.recognised.graph }
  /// Canonical bytes of all tensors, shared ones once.
  public var byteCount: Int { ownSize.bytes }
  /// Values of all tensors, shared ones once.
  public var valueCount: Int { ownSize.values }
  private var ownSize: (values: Int, bytes: Int) {
    let shared = SharedStorage(tensors.descriptors)
    return tensors.indices.reduce((0, 0)) { sum, index in
      guard tensors.owners[index] == index else { return sum }
      let own = shared.ownSize(of: tensors.descriptors[index], at: index)
      return (sum.0 + own.values, sum.1 + own.bytes)
    }
  }
  /// Values that are NaN or infinite.
  public var nonFiniteCount: Int {
    tensors.indices.reduce(0) { sum, index in
      guard tensors.owners[index] == index, let statistics = tensors.statistics[index] else { return sum }
      return sum + statistics.nanCount + statistics.infinityCount
    }
  }
}

/// Options of ``Ingot/report(_:against:options:progress:)``.
public struct ReportOptions: Sendable {
  /// Bins of a histogram at the most.
  public static let binCount = 64
  /// Standard deviations from the mean from which on a value stands out.
  public static let outlierDeviations = 6.0

  /// Tensors, and families of several, that get a histogram: the largest.
  public var detailLimit = 1200
  /// A text that the model is measured on; `nil` for none.
  public var text: String?
  /// Tokens instead: `1,2,3`, or the path of a `.npy` file; `nil` for none.
  public var tokens: String?
  /// Tokens from one window of the text to the next, as ``EvaluateOptions/stride``.
  public var stride: Int?
  /// How models are opened and run.
  public var run = RunOptions()

  /// Makes options without a text.
  public init() {}
}
