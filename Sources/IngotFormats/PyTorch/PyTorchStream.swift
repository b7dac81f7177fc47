// SPDX-License-Identifier: Apache-2.0
// The stream form of PyTorch checkpoints, torch 0.1.10 to 1.5: five pickles, then the storages' bytes.
// Page: formats/pytorch.md, "Stream form".
import IngotBytes
import IngotCore
import IngotEncodings

/// The pickles and storages of a stream.
struct PyTorchStream {
  /// The magic number 0x1950A86A20F9469CFC6C, least significant byte first.
  static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  /// The same in the digits of protocols 0 and 1.
  private static let magicDigits = Array("L119547037146038801333356L".utf8)

  /// Pickles before the storages.
  private static let pickleCount = 5

  private let source: any ByteSource
  /// Where the next part starts.
  private(set) var position = 0

  /// Whether a file starts with the magic number, in any protocol.
  static func recognizes(firstBytes: [UInt8]) -> Bool {
    let pickled = [0x8A, 0x0A] + magic + [0x2E]
    if firstBytes.starts(with: magicDigits) { return true }
    guard firstBytes.count >= 2, firstBytes[0] == 0x80, (2...5).contains(firstBytes[1]) else { return false }
    // From protocol 4 on a frame of 9 bytes may stand in between.
    return firstBytes.dropFirst(2).starts(with: pickled) || firstBytes.dropFirst(11).starts(with: pickled)
  }

  /// Prepares to read a stream that starts at a place of a source.
  init(_ source: any ByteSource, at position: Int = 0) {
    self.source = source
    self.position = position
  }

  /// A machine for the next pickle.
  func pickle(isSurvey: Bool) -> PickleMachine {
    PickleMachine(
      source, range: position..<source.byteCount, allowList: PyTorchGlobals.allowList,
      at: Location(source.path),
      isSurvey: isSurvey)
  }

  /// Surveys the pickles of each stream in a source, or consecutive ones where there is none.
  mutating func survey(_ survey: inout ContentSurvey) {
    while position < source.byteCount {
      let start = position
      for index in 0..<Self.pickleCount where position < source.byteCount {
        var machine = pickle(isSurvey: true)
        let root = survey.add(&machine)
        position = machine.end
        guard let root else { return }
        if index == 0, !Self.isMagic(root, of: machine) {
          survey.add(pickles: position..<source.byteCount, of: source, at: Location(source.path))
          return
        }
      }
      do throws(IngotError) {
        position = start
        try skip()
      } catch {
        // What is found ends a reader, too.
        if !survey.hasFindings { survey.add(error) }
        return
      }
    }
  }

  /// Passes over a whole stream, its storages too.
  private mutating func skip() throws(IngotError) {
    try readHeader()
    let (pickle, _) = try readObject()
    var storages = try PyTorchStorages(pickle, hasViews: true)
    try place(&storages)
  }

  private static func isMagic(_ root: PickleReference, of machine: PickleMachine) -> Bool {
    if case .wideInteger(magic) = machine.heap[root] { true } else { false }
  }

  /// Runs the next pickle.
  private mutating func next() throws(IngotError) -> (machine: PickleMachine, root: PickleReference) {
    var machine = pickle(isSurvey: false)
    let root = try machine.run()
    position = machine.end
    return (machine, root)
  }

  /// Reads what stands before the object: PT-01 and PT-04.
  ///
  /// The third pickle tells of the machine that wrote: its byte order is not that of the storages, which are always
  /// little-endian.
  mutating func readHeader() throws(IngotError) {
    let (magicPickle, magicRoot) = try next()
    guard Self.isMagic(magicRoot, of: magicPickle) else {
      throw .malformed(
        PyTorchRule.form.rule, at: Location(source.path, offset: 0),
        found: "a pickle without torch's magic number",
        expected: "0x1950a86a20f9469cfc6c, or a zip archive")
    }
    let versionOffset = position
    let (versionPickle, versionRoot) = try next()
    guard versionPickle.heap.integer(versionRoot) == 1001 else {
      throw .malformed(
        PyTorchRule.streamVersion.rule, at: Location(source.path, offset: versionOffset),
        found: "another version",
        expected: "1001")
    }
    _ = try next()
  }

  /// Reads the object.
  mutating func readObject() throws(IngotError) -> (machine: PickleMachine, root: PickleReference) {
    try next()
  }

  /// Reads the list of keys and finds each storage's bytes: PT-05 and PT-13.
  mutating func place(_ storages: inout PyTorchStorages) throws(IngotError) {
    let keysOffset = position
    let (pickle, root) = try next()
    guard case .list(let keys) = pickle.heap[root] else {
      throw badKeys("no list of keys", at: keysOffset)
    }
    var placed = Set<Int>()
    for reference in pickle.heap.items(of: keys) {
      guard let key = pickle.heap.text(reference) else {
        throw badKeys("a key that is not text", at: keysOffset)
      }
      guard let index = storages.index(ofKey: key) else {
        throw badKeys("a storage \(key) that the object does not name", at: keysOffset)
      }
      guard placed.insert(index).inserted else { throw badKeys("the key \(key) twice", at: keysOffset) }
      storages.place(index, at: try place(of: storages.all[index]))
    }
    if let missing = storages.all.first(where: { $0.place == nil }) {
      throw badKeys("no storage \(missing.key), which the object names", at: keysOffset)
    }
  }

  private func badKeys(_ found: Evidence, at offset: Int) -> IngotError {
    .malformed(
      PyTorchRule.storageKeys.rule, at: Location(source.path, offset: offset), found: found,
      expected: "each storage's key once")
  }

  /// Reads a storage's count of elements, and passes over its bytes.
  private mutating func place(of storage: PyTorchStorage) throws(IngotError) -> PyTorchStorage.Place {
    func malformed(_ found: Evidence, _ expected: Evidence) -> IngotError {
      .malformed(
        PyTorchRule.storageData.rule, at: Location(source.path, offset: position, key: storage.key),
        found: found,
        expected: expected)
    }
    guard source.byteCount - position >= 8 else {
      throw malformed("the end", "a storage's count of elements")
    }
    var cursor = ByteCursor(try source.bytes(at: position, count: 8))
    let width: Int
    if case .typed(let dtype) = storage.kind { width = dtype.byteWidth ?? 1 } else { width = 1 }
    let count = cursor.count64()?.checkedMultiply(width)
    guard count == storage.byteCount else {
      throw malformed("\(count ?? -1, "byte")", "\(storage.byteCount), as the object says")
    }
    guard storage.byteCount <= source.byteCount - position - 8 else {
      throw malformed("\(source.byteCount - position - 8, "byte") to the end", "\(storage.byteCount)")
    }
    let segment = StorageSegment(file: 0, offset: position + 8, byteCount: storage.byteCount)
    position += 8 + storage.byteCount
    return PyTorchStorage.Place(segment: segment)
  }
}
