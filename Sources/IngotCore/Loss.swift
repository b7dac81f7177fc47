// SPDX-License-Identifier: Apache-2.0
// What an output does not keep, or keeps changed: promise 1 in a value.

/// Something that the output does not keep, or keeps changed.
public struct Loss: Hashable, Sendable {
  /// What kind of loss it is.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Numbers were rounded.
    case cast
    /// Values beyond the target's range were changed.
    case overflow
    /// A tensor was left out.
    case dropped
    /// Metadata has no place in the output.
    case metadata
    /// A companion has no place in the output.
    case companion
    /// A tied tensor is stored in full.
    case alias
    /// A tensor keeps its dtype, or takes another than the one that was asked for.
    case kept
    /// Elements keep their bits, but the output calls them by another dtype.
    case bits
    /// Zeros were added, or left out.
    case padding
    /// Small numbers, or blocks, became the numbers that they stand for.
    case dequantized
    /// Values are there without the scales that make weights of them, or scales without values.
    case apart
    /// Only some programs make of the output what it holds.
    case readers
    /// The name of a tensor or file that the output does not have.
    case name
    /// A key that the source lacks.
    case added
    /// A key of a companion that says what holds from now on.
    case changed
    /// A file that is larger than asked for.
    case larger
  }

  /// What kind of loss it is.
  public var kind: Kind
  /// The tensor it is about; `nil` when it is about none.
  public var tensor: String?
  /// What is lost.
  public var detail: Evidence

  /// Makes a loss.
  public init(_ kind: Kind, tensor: String? = nil, detail: Evidence) {
    self.kind = kind
    self.tensor = tensor
    self.detail = detail
  }
}
