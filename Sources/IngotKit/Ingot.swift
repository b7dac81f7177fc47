// SPDX-License-Identifier: Apache-2.0
// The library's front door: a function for each verb, each in the file that is called so.
import IngotDialects
import IngotFormats
import IngotGraph

/// What can be done with checkpoints: each function takes a path and options, and gives a report.
public enum Ingot {
  /// The models whose graphs are known: what configs call them, and what people do.
  public static var models: [(id: String, title: String)] { Architecture.all.map { ($0.id, $0.title) } }
  /// The formats that are read, and whether they are written too: ids as options take them, and what people call them.
  public static var formats: [(id: String, title: String, isWritten: Bool)] {
    FormatRegistry.formats.map { ($0.id, $0.title, $0.writer != nil) }
  }
  /// The ids of the dialects: whose names and layouts a model's tensors may have.
  public static var dialects: [String] {
    Dialect.all.map(\.id).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}
