// SPDX-License-Identifier: Apache-2.0
// A remark on the input that does not stop the work.

/// A remark on the input: what validating collects, and what reading notices on its way.
public struct Finding: Hashable, Sendable {
  /// How much it matters: a finding of severity `error` makes `validate` exit with 1.
  public enum Severity: String, Hashable, Sendable {
    case error, note
  }

  /// What kind of remark it is: what a program decides by, never by the words of ``Finding/detail``.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// A parameter of the model that no tensor holds.
    case missing
    /// A tensor that belongs to no part of the model.
    case unexpected
    /// A tensor of another shape than its parameter's.
    case wrongShape = "wrong_shape"
    /// A tensor of a dtype that no weight has.
    case wrongDType = "wrong_dtype"
    /// Two nodes of the graph that do not fit together.
    case graph
    /// Values that are NaN or infinite.
    case nonFinite = "non_finite"
    /// A stored head that differs from the embedding it is said to be tied to.
    case tiedDiffers = "tied_differs"
    /// A stored head that equals the embedding it is tied to.
    case tiedCopy = "tied_copy"
    /// Tensors that are stored and that nothing needs.
    case unused
    /// A config that says otherwise than the weights.
    case configConflict = "config_conflict"
    /// A config key, word or array that means nothing here.
    case unknown
    /// An output or input that is not compared or not used.
    case notUsed = "not_used"
    /// Fixtures that were recorded with another model.
    case otherModel = "other_model"
    /// A part of the file that is not read.
    case notRead = "not_read"
    /// Objects that are no tensors and have no plain value: what they are is in no output.
    case leftOut = "left_out"
    /// Names that are the keys of nested containers, joined.
    case joined
    /// A tensor that is read as another type than it is called.
    case readAs = "read_as"
    /// A value that is shown in another form than it is stored.
    case shownAs = "shown_as"
    /// Bytes that no checksum covers.
    case unchecked
    /// A config that no file says, made of shapes and of a program's defaults.
    case assumedConfig = "assumed_config"
    /// Names and layouts that stay as they are, in a format whose program knows others.
    case namesKept = "names_kept"
    /// A config that can't be read.
    case unreadableConfig = "unreadable_config"
    /// A model that can't be told: its values alone were checked.
    case unknownModel = "unknown_model"
    /// What the format allows and its usual program does not take.
    case overProgramLimit = "over_program_limit"
    /// A file of a set that was opened by itself.
    case partOfSet = "part_of_set"
    /// A tensor of a set's file that the set's index does not name.
    case unindexed
    /// Metadata that stands where a set's should not.
    case misplaced
  }

  /// What kind of remark it is.
  public var kind: Kind
  /// How much it matters.
  public var severity: Severity
  /// The parameter, tensor or config key it is about.
  public var subject: String
  /// The graph's node that needs it, when there is one.
  public var node: String?
  /// What is so.
  public var detail: Evidence

  /// Makes a finding.
  public init(
    _ kind: Kind, severity: Severity, subject: String, node: String? = nil, detail: Evidence
  ) {
    self.kind = kind
    self.severity = severity
    self.subject = subject
    self.node = node
    self.detail = detail
  }
}
