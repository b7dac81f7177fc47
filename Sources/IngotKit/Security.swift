// SPDX-License-Identifier: Apache-2.0
// Lists what a checkpoint names and would have called if it were loaded by a program that runs what it reads. Calls nothing.
import IngotBytes
import IngotCore
import IngotFormats

/// What a checkpoint names and would have called.
public struct SecurityReport: Sendable {
  /// One file of the checkpoint.
  public struct File: Sendable {
    /// Its path.
    public var path: String
    /// Its format's id.
    public var format: String
    /// What it names; `nil` when nothing in its format can name code.
    public var survey: PickleSurvey?
  }

  /// The path as given.
  public var path: String
  /// The weight files, of a set in shard order.
  public var files: [File]

  /// Whether everything named is on the allow-list of its format, and every list is whole.
  public var isClean: Bool {
    files.allSatisfy { $0.survey?.isClean ?? true }
  }
}

/// Lists what a checkpoint names and would have called.
///
/// - Parameters:
///   - path: a file, index or folder.
///   - reading: how to find the weight file.
/// - Returns: the list, which may hold calls that are not let through.
/// - Throws: the errors of opening a checkpoint, when there is nothing to list.
public func surveySecurity(
  _ path: String, reading: ReadOptions = ReadOptions()
) throws(IngotError) -> SecurityReport {
  var report = SecurityReport(path: path, files: [])
  for source in try CheckpointOpener(options: reading).weightFiles(of: path) {
    report.files.append(try surveyFile(source))
  }
  return report
}

/// Lists what one file names: by its format, else as a bare pickle of any name.
private func surveyFile(_ source: any ByteSource) throws(IngotError) -> SecurityReport.File {
  let format: any CheckpointFormat
  do throws(IngotError) {
    format = try FormatRegistry.detect(source)
  } catch {
    switch error {
    case .unsupported, .unsuitable:
      guard let survey = try PickleCarriers.survey(bare: source) else { throw error }
      return SecurityReport.File(path: source.path, format: "pickle", survey: survey)
    default: throw error
    }
  }
  return SecurityReport.File(path: source.path, format: format.id, survey: try format.survey(source))
}
