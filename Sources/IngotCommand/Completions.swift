// SPDX-License-Identifier: Apache-2.0
// What shells complete: files where an argument takes a path, and the known values where there are known ones.
import ArgumentParser
import IngotReport

extension CompletionKind {
  /// A path: files and folders.
  static var path: CompletionKind { .file() }

  /// The formats that are written.
  static var writtenFormats: CompletionKind { .list(Ingot.formats.filter(\.isWritten).map(\.id)) }

  /// Dialects, and `keep`.
  static var dialectsAndKeep: CompletionKind { .list(Ingot.dialects + ["keep"]) }

  /// Dialects that a model's parameters are hashed as.
  static var dialects: CompletionKind { .list(Ingot.dialects) }

  /// Architectures.
  static var architectures: CompletionKind { .list(Ingot.models.map(\.id)) }
}
