// SPDX-License-Identifier: Apache-2.0
// The few things this package does with paths, as text.

/// Paths as text.
package enum FilePath {
  /// The folder a path is in: `.` for a bare name.
  package static func folder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  /// The last part of a path.
  package static func name(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")), trimmed != "/" else { return trimmed }
    return String(trimmed[trimmed.utf8.index(after: slash)...])
  }

  /// The name without its last extension; a leading dot starts no extension.
  package static func stem(of path: String) -> String {
    let name = name(of: path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }

  /// The last extension in lower case, without its dot; empty when there is none.
  package static func fileExtension(of path: String) -> String {
    let name = name(of: path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return "" }
    return String(name[name.utf8.index(after: dot)...]).lowercased()
  }

  /// A path below a folder.
  package static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The path without slashes at its end; the root keeps its own.
  package static func withoutTrailingSlashes(_ path: String) -> String {
    var path = Substring(path)
    while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// The folders that a relative path leads through, the outer ones first.
  static func folders(of path: String) -> [String] {
    path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
  }

  /// A name to be made a longer one of: where that would be too long for a file system, its start and a digest.
  package static func shortened(_ name: String) -> String {
    let (longest, startByteCount) = (200, 150)
    guard name.utf8.count > longest else { return name }
    var start = ""
    for scalar in name.unicodeScalars where start.utf8.count < startByteCount {
      start.unicodeScalars.append(scalar)
    }
    return "\(start)~\(SHA256.hex(of: name).prefix(32))"
  }

  /// Whether a file's name is the digest of its content, as caches name what several names lead to: Hugging Face's hub,
  /// Ollama, DVC, git-annex.
  package static func isContentDigest(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    /// From MD5's digits, less the two that DVC names a folder by, to those of SHA-512.
    func isDigest(_ digits: ArraySlice<UInt8>) -> Bool {
      (30...128).contains(digits.count)
        && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0 | 0x20) }
    }
    if isDigest(bytes[...]) { return true }
    if bytes.starts(with: "sha256-".utf8) { return isDigest(bytes.dropFirst(7)) }
    // git-annex: BACKEND-sSIZE--DIGEST.extension
    guard let dashes = bytes.indices.dropLast().first(where: { bytes[$0] == 0x2D && bytes[$0 + 1] == 0x2D })
    else { return false }
    return isDigest(bytes[(dashes + 2)...].prefix { $0 != 0x2E })
  }

  /// Whether a path written inside a file stays below the folder that it starts from: relative, without `..`.
  ///
  /// Paths are bytes: an accent behind a slash would hide it from a comparison of characters.
  package static func staysInside(_ path: String) -> Bool {
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return !path.isEmpty && parts.first?.isEmpty == false && !path.utf8.contains(0)
      && !parts.contains { $0.elementsEqual("..".utf8) }
  }

  /// Whether a path written inside a file stays below where it is unpacked: plain names between slashes.
  package static func isPlainPath(_ path: String) -> Bool {
    path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
      isPlainName(String(Substring($0)))
    }
  }

  /// A path without what leads nowhere: `./`, and slashes behind slashes.
  package static func withoutIdleParts(_ path: String) -> String {
    let slash = UInt8(ascii: "/")
    let parts = path.utf8.split(separator: slash).filter { !$0.elementsEqual(".".utf8) }
    guard !parts.isEmpty else { return path }
    let root = path.utf8.first == slash ? "/" : ""
    return root + parts.map { String(Substring($0)) }.joined(separator: "/")
  }

  /// Whether a name written inside a file is a plain file name: no folder, no way out of one, not empty.
  package static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0)
  }
}
