// SPDX-License-Identifier: Apache-2.0
// The library's front door: a function for each verb, each in the file that is called so.
import IngotGraph

/// What can be done with checkpoints: each function takes a path and options, and gives a report.
public enum Ingot {
  /// The models whose graphs are known: what configs call them, and what people do.
  public static var models: [(id: String, title: String)] { Architecture.all.map { ($0.id, $0.title) } }
}
