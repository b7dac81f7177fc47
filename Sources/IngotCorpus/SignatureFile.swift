// SPDX-License-Identifier: Apache-2.0
// The signatures of documents that are kept, in a scratch file: half a kilobyte each, of which only those that a band
// leads to are read again.
import IngotBytes
import IngotCore

/// Signatures by the indexes of documents.
final class SignatureFile {
  private let file: OutputFile
  private let length: Int
  /// Signatures that are not written yet, and how many are.
  private var tail: [UInt32] = []
  private var writtenCount = 0
  /// Numbers that are written together.
  private static let pieceCount = 1 << 16

  /// Makes an empty file without a name.
  ///
  /// - Parameters:
  ///   - folder: where its blocks are taken from.
  ///   - length: numbers of a signature.
  ///   - system: the calls to use.
  /// - Throws: ``IngotError/environment(_:)`` when it can't be made.
  init(in folder: String, length: Int, system: any SystemCalls) throws(IngotError) {
    file = try .scratch(in: folder, byteCount: 0, system: system)
    self.length = length
  }

  /// How many there are.
  var count: Int { writtenCount + tail.count / length }

  /// Adds one behind the others.
  func append(_ signature: [UInt32]) throws(IngotError) {
    tail += signature
    guard tail.count >= Self.pieceCount else { return }
    var failure: IngotError?
    tail.withUnsafeBytes { bytes in
      do throws(IngotError) { try file.write(bytes, at: writtenCount * length * 4) } catch { failure = error }
    }
    if let failure { throw failure }
    writtenCount += tail.count / length
    tail.removeAll(keepingCapacity: true)
  }

  /// Reads one.
  ///
  /// - Parameters:
  ///   - index: of the document.
  ///   - signature: `[length]`, overwritten.
  /// - Throws: ``IngotError/environment(_:)`` when it can't be read.
  func read(_ index: Int, into signature: inout [UInt32]) throws(IngotError) {
    guard index < writtenCount else {
      let start = (index - writtenCount) * length
      signature.replaceSubrange(0..<length, with: tail[start..<start + length])
      return
    }
    var failure: IngotError?
    signature.withUnsafeMutableBytes { bytes in
      do throws(IngotError) { try file.read(into: bytes, at: index * length * 4) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
