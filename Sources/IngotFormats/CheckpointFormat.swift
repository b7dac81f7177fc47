// SPDX-License-Identifier: Apache-2.0
// What every format offers: recognising its files, reading their headers, and, where it is written too, planning one.
import IngotBytes
import IngotCore

/// One file format of checkpoints.
///
/// A reader is handed a source of known length and reads headers only. It does no other input or output, and returns
/// no unchecked number: every offset in a ``IngotCore/Checkpoint`` lies inside its file.
package protocol CheckpointFormat: Sendable {
  /// The id in reports and options: `safetensors`.
  var id: String { get }
  /// The name for people.
  var title: String { get }
  /// Extensions that choose this format for an output, without dots, in lower case.
  var fileExtensions: [String] { get }
  /// The name of the file by which a checkpoint is opened, where it is always the same, and known by nothing else.
  var fileName: String? { get }
  /// Whether its files keep the names of tensors; an only tensor has the file's otherwise.
  var keepsNames: Bool { get }
  /// The program in whose order shapes stand in its files, where that is the innermost dimension first; `nil` for others.
  var innermostFirst: String? { get }
  /// The page that specifies it, under `formats/`.
  var page: String { get }
  /// Plans files of this format; `nil` when it is only read.
  var writer: (any CheckpointWriter)? { get }
  /// Changes a file's metadata without touching its tensors; `nil` when the format ties them together.
  var metadataEditor: (any MetadataEditor)? { get }

  /// Whether a file of this name is one of the format's, where a set of files is replaced.
  func owns(fileName name: String) -> Bool

  /// Whether a file is of this format, by its content.
  ///
  /// - Parameters:
  ///   - firstBytes: the first bytes, at most ``FormatRegistry/firstByteCount``.
  ///   - byteCount: the file's length.
  /// - Returns: `true` when ``read(_:options:)`` should judge the file.
  func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool

  /// Reads the headers of a file.
  ///
  /// - Parameters:
  ///   - source: the file.
  ///   - options: what the caller knows about it that the file does not say.
  /// - Returns: the checkpoint; file 0 is the source.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the rule of the format's page, for the
  ///   first rule broken in the order that the page states.
  func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint
}

extension CheckpointFormat {
  /// In most formats any name will do.
  package var fileName: String? { nil }
  /// Most formats keep names.
  package var keepsNames: Bool { true }
  /// In most formats shapes are as they are here.
  package var innermostFirst: String? { nil }

  /// In most formats metadata and tensors can't be told apart.
  package var metadataEditor: (any MetadataEditor)? { nil }

  /// A format owns the files with its extensions, unless it says otherwise.
  package func owns(fileName name: String) -> Bool {
    fileExtensions.contains(FilePath.fileExtension(of: name))
  }
}

/// What a caller knows about a file that the file does not say, and how much of it to interpret.
public struct ReadOptions: Sendable {
  /// Dtypes of NumPy arrays of raw bytes (`V2`), by name pattern; the last that matches holds.
  public var rawDTypes: [(pattern: Glob, dtype: DType)]
  /// Which tensors are wanted: others are not opened where they can't be.
  package var selection = TensorSelection()
  /// Whether to show what is stored instead of quantized tensors put together from their parts.
  public var isRaw: Bool
  /// Which of several weight files in a folder or archive to read.
  public var fileName: String?

  /// Makes options; the defaults interpret everything.
  public init(
    rawDTypes: [(pattern: Glob, dtype: DType)] = [], isRaw: Bool = false, fileName: String? = nil
  ) {
    self.rawDTypes = rawDTypes
    self.isRaw = isRaw
    self.fileName = fileName
  }

  /// Passes over a tensor that can't be opened: what is wrong with one that is not wanted does not matter.
  ///
  /// - Parameters:
  ///   - name: the tensor's name.
  ///   - error: why it can't be opened.
  /// - Throws: the error, for a tensor that is wanted; of one that is sound but not read it says how to leave it out.
  func passOver(_ name: String, _ error: IngotError) throws(IngotError) {
    switch error {
    case .unsupported(let feature, let location) where selection.takes(name):
      throw .unsupported("\(feature); \(verb: .convert, .exclude) with its name leaves it out", at: location)
    case .unsupported, .malformed:
      guard !selection.takes(name) else { throw error }
    default: throw error
    }
  }
}
