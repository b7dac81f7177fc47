// SPDX-License-Identifier: Apache-2.0
// The doors by which bytes from outside come in, one a parser, for the fuzzer in Fuzz/ and for the tests that replay its
// corpora. A door says that it took the bytes, or by which rule it refused them; what is neither is a fault.
import IngotReport

/// A way in for bytes from outside.
public struct FuzzDoor: Sendable {
  /// What became of the bytes.
  public enum Verdict: Hashable, Sendable {
    /// They were read.
    case accepted
    /// They were refused, by a rule or as something that is not read.
    case refused(String)
    /// They led to an error that no bytes may lead to.
    case fault(String)
  }

  /// What reads the bytes.
  typealias Entry = @Sendable ([UInt8]) throws(IngotError) -> Void

  /// The name, by which the fuzzer and the corpora call it.
  public let name: String
  /// The most bytes that are worth trying.
  public let greatestByteCount: Int
  private let enter: Entry

  init(_ name: String, greatestByteCount: Int = 4096, _ enter: @escaping Entry) {
    self.name = name
    self.greatestByteCount = greatestByteCount
    self.enter = enter
  }

  /// Every door.
  public static let all: [FuzzDoor] = encodings + formats + models + texts + files

  /// The door of a name.
  public static func named(_ name: String) -> FuzzDoor? { all.first { $0.name == name } }

  /// Reads bytes, and says what became of them.
  ///
  /// Errors are put into words too, which must hold for any bytes.
  public func open(_ bytes: [UInt8]) -> Verdict {
    do throws(IngotError) {
      try enter(bytes)
      return .accepted
    } catch {
      let words = ErrorRenderer.lines(error, isVerbose: true).joined(separator: "\n")
      switch error {
      case .malformed(let rule, _, _, _): return .refused(rule.id)
      case .unsupported, .limitExceeded, .missing, .unsuitable, .unrepresentable: return .refused("unread")
      default: return .fault(words)
      }
    }
  }
}
