// SPDX-License-Identifier: Apache-2.0
// One look at a file that no format knows by its content, before any reader judges it: what stands in its place is named.
// The table is ForeignSignatures.swift.
import IngotBytes
import IngotCore
import IngotEncodings

/// Names what is no checkpoint of a format that is read.
package enum ForeignContent {
  /// Why a file is none that is read; `nil` for one of which nothing can be told.
  ///
  /// - Parameters:
  ///   - source: a file that no format recognises.
  ///   - isClaimed: whether its extension belongs to a format of ours, whose reader then judges it.
  /// - Returns: the refusal.
  /// - Throws: read errors.
  static func refusal(of source: any ByteSource, isClaimed: Bool) throws(IngotError) -> IngotError? {
    if source.byteCount == 0 { return .unsuitable(Location(source.path), why: "is empty", hint: nil) }
    let firstBytes = try FormatRegistry.firstBytes(of: source)
    if let refusal = standIn(firstBytes, path: source.path) { return refusal }
    if let known = first(in: ForeignSignature.files, of: firstBytes) {
      return refusal(source.path, known, firstBytes)
    }
    if CodeKind.of(firstBytes: firstBytes, name: nil) == .native {
      return .unsuitable(Location(source.path), why: "is a program or library", hint: nil)
    }
    if let front = try bytesBeforeZip(source) {
      return .malformed(
        ZipRule.directoryPlace.rule, at: Location(source.path),
        found: "\(front, "byte") in front of a zip archive",
        expected: "none, as behind `tail -c +\(front + 1)`")
    }
    if let text = prose(firstBytes) {
      return .unsuitable(Location(source.path), why: "is text, not weights: \(text)", hint: nil)
    }
    if let known = companion(of: source) { return refusal(source.path, known) }
    if firstBytes.count == FormatRegistry.firstByteCount, firstBytes.allSatisfy({ $0 == 0 }) {
      return .unsuitable(
        Location(source.path),
        why: "begins with \(firstBytes.count) zeros, as files do that were never filled",
        hint: "fetch the file again")
    }
    if let refusal = try pickle(source, firstBytes) { return refusal }
    return isClaimed ? nil : named(source.path).map { refusal(source.path, $0) }
  }

  /// What raw numbers are by a file beside them; `nil` where none tells.
  private static func companion(of source: any ByteSource) -> ForeignSignature? {
    guard FilePath.fileExtension(of: source.path) == "bin" else { return nil }
    return ForeignSignature.companions.first { signature in
      let name: String? =
        switch signature.mark {
        case .beside(let other): FilePath.stem(of: source.path) + "." + other
        case .besideName(let other): other
        default: nil
        }
      return name.map { (try? source.sibling(named: $0)) != nil } ?? false
    }
  }

  /// The refusal of a bare pickle under a name that is not torch's, whose reader says what it lacks; `nil` for no pickle.
  private static func pickle(_ source: any ByteSource, _ firstBytes: [UInt8]) throws(IngotError)
    -> IngotError?
  {
    let stop = UInt8(ascii: ".")
    guard PickleCarriers.isPickle(firstBytes: firstBytes),
      !(FormatRegistry.claimant(of: source.path) is PyTorchFormat),
      try source.bytes(at: source.byteCount - 1, count: 1) == [stop]
    else { return nil }
    return .unsuitable(
      Location(source.path), why: "is a pickle that torch.save did not write, which is not read",
      hint: "load it where it was made, and save it as safetensors")
  }

  /// What stands in the place of a file, of text as of weights; `nil` for what may be the file itself.
  ///
  /// - Parameters:
  ///   - firstBytes: the file's first bytes.
  ///   - path: the file, for messages.
  /// - Returns: the refusal.
  package static func standIn(_ firstBytes: [UInt8], path: String) -> IngotError? {
    let firstBytes = Array(firstBytes.prefix(FormatRegistry.firstByteCount))
    return first(in: ForeignSignature.standIns, of: firstBytes).map { known in
      .unsuitable(
        Location(path),
        why: "is \(words: known.what), not the file itself\(quotation(of: firstBytes, known))",
        hint: known.advice.map { "\(words: $0)" })
    }
  }

  /// Why an archive or a folder has no weight file that is read.
  ///
  /// - Parameters:
  ///   - names: the names in it, with `/` between folders.
  ///   - path: the archive or folder.
  ///   - kind: what it is: `a zip archive`.
  ///   - passedOver: remarks on those of the names that were not read; the first is the hint where nothing else is known.
  /// - Returns: the refusal.
  static func collection(
    of names: [String], path: String, kind: String, passedOver: [Finding] = []
  ) -> IngotError {
    let known = collection(among: names)
    let shown = names.prefix(3).map { name -> Evidence in "\(name)" }.joined(separator: ", ")
    let rest = names.count > 3 ? " and \(names.count - 3) more" : ""
    let list: Evidence = names.isEmpty ? "nothing" : "\(shown)\(words: rest)"
    return .unsuitable(
      Location(path),
      why: known.map {
        "is \(words: kind) without a weight file that is read: it seems to be \(words: $0.what)"
      }
        ?? "is \(words: kind) without a weight file; it holds \(list)",
      hint: known.map { signature in
        let found: Evidence = "it holds \(list)"
        return signature.advice.map { "\(found); \(words: $0)" } ?? found
      } ?? passedOver.first.map { "\($0.subject) \($0.detail)" }
        ?? "looked for the index of a set, and for files of a known format")
  }

  /// The other program's checkpoint that names together are; `nil` for none.
  private static func collection(among names: [String]) -> ForeignSignature? {
    ForeignSignature.collections.first { isMet($0, by: names) }
  }

  private static func isMet(_ signature: ForeignSignature, by names: [String]) -> Bool {
    guard case .names(let wanted) = signature.mark else { return false }
    return wanted.allSatisfy { name in names.contains { matches($0, name) } }
  }

  /// The names without those of another program's files that are called as weight files are.
  static func leavingOutParts(_ names: [String]) -> [String] {
    var rest = names
    for signature in ForeignSignature.collections {
      guard let parts = signature.parts, isMet(signature, by: names) else { continue }
      rest.removeAll { matches($0, parts) }
    }
    return rest
  }

  /// What bytes are the beginning of; `nil` for what has no mark.
  static func name(ofFirstBytes firstBytes: [UInt8]) -> String? {
    let known =
      first(in: ForeignSignature.standIns, of: firstBytes)
      ?? first(in: ForeignSignature.files, of: firstBytes)
    return known?.what ?? (prose(firstBytes) == nil ? nil : "text")
  }

  // MARK: - Marks

  private static func refusal(
    _ path: String, _ known: ForeignSignature, _ firstBytes: [UInt8] = []
  ) -> IngotError {
    .unsuitable(
      Location(path), why: "is \(words: known.what), which is not read\(quotation(of: firstBytes, known))",
      hint: known.advice.map { "\(words: $0)" })
  }

  /// The first line, behind a colon, where it tells more.
  private static func quotation(of firstBytes: [UInt8], _ known: ForeignSignature) -> Evidence {
    guard known.isQuoted, let line = prose(firstBytes) else { return "" }
    return ": \(line)"
  }

  /// The signature of a name's extension.
  static func named(_ path: String) -> ForeignSignature? {
    let name = FilePath.fileExtension(of: path)
    return ForeignSignature.extensions.first { signature in
      guard case .extensions(let extensions) = signature.mark else { return false }
      return extensions.contains(name)
    }
  }

  /// Whether bytes begin as a picture, in which no program finds code.
  static func isPicture(_ firstBytes: [UInt8]) -> Bool {
    first(in: ForeignSignature.files.filter(\.isPicture), of: firstBytes) != nil
  }

  /// Whether bytes begin as HDF5.
  static func isHDF5(_ firstBytes: [UInt8]) -> Bool { first(in: [.hdf5], of: firstBytes) != nil }

  private static func first(in signatures: [ForeignSignature], of firstBytes: [UInt8]) -> ForeignSignature? {
    let text = firstBytes.withoutByteOrderMark.drop { isSpace($0) }.map { lowercase($0) }
    return signatures.first { signature in
      switch signature.mark {
      case .bytes(let bytes, let offset):
        firstBytes.count >= offset + bytes.count
          && zip(firstBytes[offset...], bytes).allSatisfy { $1 == nil || $0 == $1 }
      case .text(let start): text.starts(with: start.utf8)
      case .extensions, .names, .beside, .besideName: false
      }
    }
  }

  /// Whether a name in a collection is one that a signature wants.
  private static func matches(_ name: String, _ wanted: String) -> Bool {
    if wanted.hasPrefix("*") { return name.hasSuffix(wanted.dropFirst()) }
    if wanted.hasSuffix("*") {
      return name.split(separator: "/").contains { $0.hasPrefix(wanted.dropLast()) }
    }
    return name == wanted || name.hasSuffix("/" + wanted)
  }

  /// The first line of what is text as far as it was read; `nil` for anything else, and for pickles of protocol 0.
  private static func prose(_ firstBytes: [UInt8]) -> Evidence? {
    let isText = firstBytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || isSpace($0) }
    let start = firstBytes.withoutByteOrderMark.drop { isSpace($0) }
    guard isText, start.count > 3, !isPickle(start), isUTF8(start) else { return nil }
    let line = start.prefix { $0 != 0x0A && $0 != 0x0D }
    return .value(String(decoding: line.prefix(80), as: UTF8.self))
  }

  /// Whether bytes are UTF-8, as far as they go: the last character may be cut.
  private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    (0...min(3, bytes.count)).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
  }

  /// Whether text may be a program of pickle's first protocol, which PyTorch's reader judges: a line begins with an
  /// instruction, and the first has hardly a space.
  private static func isPickle(_ text: ArraySlice<UInt8>) -> Bool {
    guard let first = text.first, text.count > 1 else { return false }
    let line = text.prefix { $0 != 0x0A }
    let isNumber = (0x2D...0x39).contains(text[text.startIndex + 1])
    guard line.count > 1, !line.contains(0x20), isNumber || line.count < text.count else { return false }
    return "(])}cidlItLNSVgp0".utf8.contains(first) || first == UInt8(ascii: "F") && isNumber
  }

  /// Bytes in front of a zip archive that ends the file; `nil` where none does, or none are in front.
  private static func bytesBeforeZip(_ source: any ByteSource) throws(IngotError) -> Int? {
    guard let start = try ZipDirectory.start(in: source), start > 0 else { return nil }
    return start
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(byte) }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }
}
