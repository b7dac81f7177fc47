// SPDX-License-Identifier: Apache-2.0
// What every reader promises, checked on a sound file: cut anywhere, flipped anywhere, with any number set to 0, 1 or
// the largest, it answers or refuses; it reads no byte outside the file, and answers the same twice.
import IngotBytes
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

/// A source that notes reads outside itself.
private final class WatchedSource: ByteSource, @unchecked Sendable {
  let path: String
  private let content: [UInt8]
  private let siblings: [String: [UInt8]]
  // SAFETY: one test on one thread reads a source.
  private(set) var outsideReadCount = 0

  init(_ content: [UInt8], path: String, siblings: [String: [UInt8]]) {
    self.content = content
    self.path = path
    self.siblings = siblings
  }

  func sibling(named name: String) throws(IngotError) -> any ByteSource {
    try MemoryByteSource(content, path: path, siblings: siblings).sibling(named: name)
  }

  var byteCount: Int { content.count }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    guard offset >= 0, offset <= content.count, buffer.count <= content.count - offset else {
      outsideReadCount += 1
      throw .internal("a read of \(buffer.count) bytes at \(offset) of \(content.count)")
    }
    content.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
    }
  }
}

/// Holds a reader to what every reader promises.
struct ReaderConformance {
  /// What reads: a format, or what opens archives, which gives nothing for a file that is none.
  typealias Reading = (any ByteSource) throws(IngotError) -> Checkpoint?

  private let read: Reading
  private let path: String
  private let bytes: [UInt8]
  private let siblings: [String: [UInt8]]

  init(path: String, bytes: [UInt8], siblings: [String: [UInt8]] = [:], reading read: @escaping Reading) {
    self.read = read
    self.path = path
    self.bytes = bytes
    self.siblings = siblings
  }

  /// Runs every check.
  func check() {
    guard let names = judge(bytes) else { return }
    #expect(judge(bytes) == names, "\(path): another answer the second time")
    for count in cuts() { judge(Array(bytes[..<count])) }
    for position in headerPositions() {
      for bit in 0..<8 { judge(replacing(position, [bytes[position] ^ (1 << UInt8(bit))])) }
      for number in [0, 1, UInt64(Int64.max), .max] {
        for width in [1, 2, 4, 8] where position + width <= bytes.count {
          judge(replacing(position, (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }))
        }
      }
    }
  }

  /// Reads bytes; the tensors' names and shapes, or `nil` when they are refused.
  @discardableResult
  private func judge(_ bytes: [UInt8]) -> [String]? {
    let source = WatchedSource(bytes, path: path, siblings: siblings)
    defer { #expect(source.outsideReadCount == 0, "\(path): a read outside the file") }
    do throws(IngotError) {
      guard let checkpoint = try read(source) else { return nil }
      for tensor in checkpoint.tensors { expectInside(tensor, of: checkpoint.files) }
      return checkpoint.tensors.map { "\($0.name) \($0.dtype) \($0.shape)" }
    } catch {
      switch error {
      case .malformed, .unsupported, .limitExceeded: break
      case .missing where !siblings.isEmpty: break
      // Nothing is no file of any format.
      case .unsuitable where bytes.isEmpty: break
      // An archive without a weight file, with several, or with a set that lacks one.
      case .unsuitable where path.hasPrefix("golden/archive/"),
        .missing where path.hasPrefix("golden/archive/"):
        break
      default: Issue.record("\(path): \(error)")
      }
      return nil
    }
  }

  /// Every range that a reader describes lies inside its file.
  private func expectInside(_ tensor: TensorDescriptor, of files: [CheckpointFile]) {
    for part in tensor.parts {
      for segment in part.storage.segments.all {
        let byteCount = files.indices.contains(segment.file) ? files[segment.file].byteCount : -1
        let isInside =
          segment.offset >= 0 && segment.byteCount >= 0 && segment.offset <= byteCount - segment.byteCount
        #expect(isInside, "\(path): \(tensor.name)")
      }
    }
  }

  private func replacing(_ position: Int, _ new: [UInt8]) -> [UInt8] {
    var changed = bytes
    changed.replaceSubrange(position..<(position + new.count), with: new)
    return changed
  }

  /// Every byte of the first and last 1,024, where headers and directories stand, and samples between.
  private func headerPositions() -> [Int] {
    bytes.indices.filter { $0 < 1024 || $0 >= bytes.count - 1024 || $0 % 61 == 0 }
  }

  private func cuts() -> [Int] { headerPositions() }
}

@Suite struct ReaderConformanceTests {
  /// A golden file with the format that reads it; large ones teach nothing that small ones do not.
  static let files: [String] = (Fixture.names(in: "golden") + ["gguf/split"]).flatMap { folder in
    Fixture.names(in: "golden/\(folder)").map { "golden/\(folder)/\($0)" }
  }.filter { path in
    let size = (try? Fixture.bytes(path).count) ?? .max
    let suffixes = [".safetensors", ".npy", ".npz", ".ingot", ".gguf", ".bin", ".pt", ".pth", ".index"]
    // A pickle of some kilobytes has the instructions of one that is larger.
    return size <= (path.hasPrefix("golden/pytorch/") ? 2048 : 4096)
      && suffixes.contains { path.hasSuffix($0) }
  }

  /// What is opened by a file of one name, which stands in a folder of its own.
  static let named = [
    "published/openai-gpt/params_shapes.json", "published/openai-gpt-named/params_shapes.json",
  ]

  @Test(arguments: named)
  func `a file of one name is read or refused whatever is cut, flipped or overwritten`(_ path: String) throws
  {
    try Self.check(path)
  }

  @Test(arguments: files)
  func `a reader answers or refuses whatever is cut, flipped or overwritten`(_ path: String) throws {
    try Self.check(path)
  }

  private static func check(_ path: String) throws {
    let bytes = try Fixture.bytes(path)
    let source = MemoryByteSource(bytes, path: path)
    let siblings = try siblings(of: path)
    let format = try FormatRegistry.detect(source)
    ReaderConformance(path: path, bytes: bytes, siblings: siblings) { (source) throws(IngotError) in
      try format.read(source, options: ReadOptions())
    }.check()
  }

  /// Archives; the longest names make tar archives that are long and say no more.
  static let archives = Fixture.names(in: "golden/archive").filter { !$0.contains("long-names") }

  @Test(arguments: archives)
  func `an archive is read or refused whatever is cut, flipped or overwritten`(_ name: String) throws {
    let path = "golden/archive/" + name
    let opener = CheckpointOpener()
    let bytes = try Fixture.bytes(path)
    #expect(try opener.openArchive(MemoryByteSource(bytes, path: path)) != nil)
    ReaderConformance(path: path, bytes: bytes) { (source) throws(IngotError) in
      try opener.openArchive(source)
    }.check()
  }

  /// The data files of a TensorFlow bundle, what stands beside a file of a name of its own, and the other files of a split GGUF, by name.
  private static func siblings(of path: String) throws -> [String: [UInt8]] {
    let folder = FilePath.folder(of: path)
    var names: [String] = []
    if path.hasSuffix(".index") {
      names = Fixture.names(in: folder).filter { $0.hasPrefix(FilePath.stem(of: path) + ".data-") }
    } else if folder.hasSuffix("/split") || named.contains(path) {
      names = Fixture.names(in: folder).filter { $0 != FilePath.name(of: path) }
    }
    return Dictionary(uniqueKeysWithValues: try names.map { ($0, try Fixture.bytes("\(folder)/\($0)")) })
  }

  @Test func `every format of the registry is held to it`() {
    for format in FormatRegistry.formats {
      let isHeld =
        Self.files.contains { path in format.fileExtensions.contains { path.hasSuffix(".\($0)") } }
        || Self.named.contains { FilePath.name(of: $0) == format.fileName }
      #expect(isHeld, "\(format.id)")
    }
  }
}
