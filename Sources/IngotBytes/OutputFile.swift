// SPDX-License-Identifier: Apache-2.0
// An open file being written by position. It has no opinion on names: AtomicOutput gives it one and takes it away.
import IngotCore

/// Something that bytes are written to by position.
package protocol OutputTarget: Sendable {
  /// Writes all bytes at a position.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IngotError)
}

extension OutputTarget {
  /// Writes bytes at hand at a position.
  package func write(_ bytes: [UInt8], at offset: Int) throws(IngotError) {
    try bytes.withBytes { (raw) throws(IngotError) in try write(raw, at: offset) }
  }
}

/// The files of an output that are open: a few at a time, however many it has.
final class OpenFileWindow: Sendable {
  /// Files open at a time, those in use besides.
  private static let limit = 8

  private let open = Locked<[OutputFile]>([])

  /// Adds a file that was opened; the one that was opened first gives way.
  func add(_ file: OutputFile) {
    let first = open.withLock { open in
      open.append(file)
      return open.count > Self.limit ? open.removeFirst() : nil
    }
    first?.close()
  }

  /// Closes all.
  func close() {
    let files = open.withLock { open in
      defer { open = [] }
      return open
    }
    for file in files { file.close() }
  }
}

/// A file being written by position, open while it is used.
package final class OutputFile: OutputTarget {
  /// The path by which messages call it: the final one, not the partial one.
  package let path: String
  private let system: any SystemCalls
  /// Where it is opened again; `nil` for one that stays open.
  private let place: String?
  private let window: OpenFileWindow?
  private let descriptor: Locked<OpenDescriptor?>

  /// Takes over a file that is open, and stays so.
  init(adopting descriptor: Int32, path: String, system: any SystemCalls) {
    (self.path, self.system, place, window) = (path, system, nil, nil)
    self.descriptor = Locked(OpenDescriptor(descriptor, system))
  }

  /// Describes a file that is opened when it is used.
  ///
  /// - Parameters:
  ///   - place: where it is.
  ///   - path: the path by which messages call it.
  ///   - window: the files that are open.
  ///   - system: the calls to use.
  init(at place: String, path: String, in window: OpenFileWindow, system: any SystemCalls) {
    (self.path, self.system, self.place, self.window) = (path, system, place, window)
    descriptor = Locked(nil)
  }

  /// Opens a file that is there, to write over some of its bytes.
  ///
  /// - Throws: ``IngotError/environment(_:)`` when it can't be opened for writing.
  package convenience init(updating path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    do throws(CallFailure) {
      self.init(adopting: try system.open(path, .update), path: path, system: system)
    } catch {
      throw .failed(error, path: path, purpose: .createOutput)
    }
  }

  /// Makes the file.
  ///
  /// - Parameter mayExist: whether one that is there is taken as it is.
  /// - Throws: the failed call.
  func make(mayExist: Bool) throws(CallFailure) {
    guard let place else { return }
    do throws(CallFailure) {
      keep(try system.open(place, mayExist ? .existingNoLink : .createNew))
    } catch {
      guard mayExist, error.errorNumber == Process.ErrorNumber.notFound else { throw error }
      keep(try system.open(place, .createNew))
    }
  }

  @discardableResult
  private func keep(_ number: Int32) -> OpenDescriptor {
    let opened = OpenDescriptor(number, system)
    descriptor.withLock { $0 = opened }
    window?.add(self)
    return opened
  }

  /// Closes the file once nobody uses it, until it is used again.
  func close() {
    descriptor.withLock { $0 = nil }
  }

  /// Makes a call with the open file.
  func calling<Result>(_ body: (Int32) throws(CallFailure) -> Result) throws(CallFailure) -> Result {
    var opened = descriptor.withLock { $0 }
    if opened == nil, let place { opened = keep(try system.open(place, .existingNoLink)) }
    guard let opened else { throw CallFailure(call: "open", errorNumber: Process.ErrorNumber.notFound) }
    // Another thread may close the window on it meanwhile.
    defer { withExtendedLifetime(opened) {} }
    return try body(opened.number)
  }

  private func transferring<Result>(
    _ body: (Int32) throws(CallFailure) -> Result
  ) throws(IngotError) -> Result {
    do throws(CallFailure) {
      return try calling(body)
    } catch {
      throw .failed(error, path: path, purpose: .transfer)
    }
  }

  /// Makes a scratch file without a name: it is gone when it is closed, or when the process dies.
  ///
  /// - Parameters:
  ///   - folder: where its blocks are taken from.
  ///   - byteCount: the space it needs, checked and reserved at once.
  ///   - system: the calls to use.
  /// - Returns: the file, open.
  /// - Throws: ``IngotError/environment(_:)`` when there is no space or no right to it.
  package static func scratch(
    in folder: String, byteCount: Int, system: any SystemCalls = LiveSystem()
  ) throws(IngotError) -> OutputFile {
    do throws(CallFailure) {
      let file = OutputFile(adopting: try system.open(folder, .scratch), path: folder, system: system)
      try file.calling { (descriptor) throws(CallFailure) in
        try system.reserve(descriptor, byteCount: byteCount)
      }
      return file
    } catch {
      throw .failed(error, path: folder, purpose: .transfer)
    }
  }

  /// Reserves space for the whole file; a disk that lacks it is found here.
  package func reserve(byteCount: Int) throws(IngotError) {
    try transferring { (descriptor) throws(CallFailure) in
      try system.reserve(descriptor, byteCount: byteCount)
    }
  }

  /// Writes all bytes at a position.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IngotError) {
    try transferring { (descriptor) throws(CallFailure) in
      var done = 0
      while done < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let count = try system.write(descriptor, from: rest, at: offset + done)
        guard count > 0 else { throw CallFailure(call: "pwrite", errorNumber: Process.ErrorNumber.noSpace) }
        done += count
      }
    }
  }

  /// Reads back what was written.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    try transferring { (descriptor) throws(CallFailure) in
      var done = 0
      while done < buffer.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = try system.read(descriptor, into: rest, at: offset + done)
        guard count > 0 else { throw CallFailure(call: "pread", errorNumber: Process.ErrorNumber.noSpace) }
        done += count
      }
    }
  }

  /// Copies a range of a source without passing it through this process, as far as the file systems allow.
  ///
  /// - Returns: the bytes copied: all, or fewer where the kernel can't go on and reads and writes must.
  package func copy(
    from source: FileByteSource, at sourceOffset: Int, byteCount: Int, to offset: Int,
    progress: (Int) throws(IngotError) -> Void
  ) throws(IngotError) -> Int {
    /// A piece short enough that progress and interrupts are looked at several times a second.
    let pieceByteCount = 64 << 20
    var done = 0
    while done < byteCount {
      let piece = min(pieceByteCount, byteCount - done)
      let count = try transferring { (descriptor) throws(CallFailure) in
        do throws(CallFailure) {
          return try system.copyRange(
            from: source.descriptor, at: sourceOffset + done, to: descriptor, at: offset + done,
            byteCount: piece)
        } catch {
          guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
          return 0
        }
      }
      // The source ended early, or its file system can't copy in the kernel: a read tells which.
      guard count > 0 else { return done }
      done += count
      try progress(count)
    }
    return done
  }

  /// Gives the file the mode, the owner where allowed and the extended attributes of the one that it replaces, if any.
  func takeOverAttributes(of replaced: String) throws(IngotError) {
    try transferring { (descriptor) throws(CallFailure) in
      try system.takeOverAttributes(of: replaced, by: descriptor)
    }
  }

  /// Flushes content and length to the disk.
  package func synchronize() throws(IngotError) {
    try transferring { (descriptor) throws(CallFailure) in try system.synchronize(descriptor) }
  }

  /// Maps the file, whose blocks then live as long as the map.
  func map(byteCount: Int, path: String) throws(CallFailure) -> FileMapping {
    try calling { (descriptor) throws(CallFailure) in
      try system.map(descriptor, byteCount: byteCount, path: path)
    }
  }
}

extension SystemCalls {
  /// Reserves space where the file system can; where it can't, only the length is set.
  func reserve(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    guard byteCount > 0 else { return }
    do throws(CallFailure) {
      try allocate(descriptor, byteCount: byteCount)
    } catch {
      guard Process.ErrorNumber.unsupported.contains(error.errorNumber) else { throw error }
    }
    // Where nothing is reserved the length is set; a file that an earlier run has left may be too long.
    try truncate(descriptor, byteCount: byteCount)
  }
}
