// SPDX-License-Identifier: Apache-2.0
// Something of known length that is read by position: a file, or bytes in memory.
import IngotCore

/// Something of known length that is read by position.
package protocol ByteSource: Sendable {
  /// The path by which messages call it.
  var path: String { get }
  /// Its length in bytes.
  var byteCount: Int { get }

  /// Fills a buffer from a position.
  ///
  /// - Throws: ``IngotError/sourceChanged(path:found:expected:)`` when the source ends before the buffer is full, and
  ///   ``IngotError/environment(_:)`` when the system fails.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError)

  /// Opens another file of the same folder, for formats of several files.
  ///
  /// - Parameter name: its plain name; the caller has checked that there is no `/` in it.
  /// - Returns: the file.
  /// - Throws: ``IngotError/missing(path:why:hint:)`` when there is none.
  func sibling(named name: String) throws(IngotError) -> any ByteSource
}

extension ByteSource {
  /// A source stands alone unless it says otherwise.
  package func sibling(named name: String) throws(IngotError) -> any ByteSource {
    throw .missing(
      path: FilePath.join(FilePath.folder(of: path), name), why: "does not exist",
      hint: "\(path) names this file")
  }

  /// Reads a range into an array of its own.
  ///
  /// The range is the caller's to check; a length beyond the end is never allocated.
  package func bytes(at offset: Int, count: Int) throws(IngotError) -> [UInt8] {
    guard offset >= 0, count >= 0, let end = offset.checkedAdd(count), end <= byteCount else {
      throw .internal("a read of \(count, "byte") at \(offset) of a source of \(byteCount)")
    }
    // Swift writes the count of an array that it makes, of an empty one into storage that all threads share.
    guard count > 0 else { return [] }
    var failure: IngotError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(IngotError) {
        try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        initializedCount = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

/// Bytes in memory, as tests and nested archives have them.
package struct MemoryByteSource: ByteSource {
  /// The name by which messages call it.
  package let path: String
  private let content: [UInt8]
  private let siblings: [String: [UInt8]]

  /// Makes a source of bytes.
  ///
  /// - Parameters:
  ///   - content: the bytes.
  ///   - path: the name by which messages call it.
  ///   - siblings: the other files of its folder, by plain name.
  package init(_ content: [UInt8], path: String, siblings: [String: [UInt8]] = [:]) {
    self.content = content
    self.path = path
    self.siblings = siblings
  }

  /// Another file of the same folder.
  package func sibling(named name: String) throws(IngotError) -> any ByteSource {
    let path = FilePath.join(FilePath.folder(of: path), name)
    guard let content = siblings[name] else {
      throw .missing(path: path, why: "does not exist", hint: "\(self.path) names this file")
    }
    return MemoryByteSource(content, path: path, siblings: siblings)
  }

  /// The number of bytes.
  package var byteCount: Int { content.count }

  /// Copies bytes from a position.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    guard offset >= 0, let end = offset.checkedAdd(buffer.count), end <= content.count else {
      throw .sourceChanged(path: path, found: "\(content.count, "byte")", expected: "more than \(offset)")
    }
    content.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<end])) }
  }
}

/// An open file.
///
/// Reads are by position, so one file serves many readers.
package final class FileByteSource: ByteSource {
  /// The path as it was given.
  package let path: String
  /// The file's length when it was opened.
  package let byteCount: Int
  /// What the file was when it was opened.
  package let status: FileStatus
  /// The open descriptor, for copies inside the kernel.
  package let descriptor: Int32
  private let system: any SystemCalls

  /// Opens a regular file for reading.
  ///
  /// - Throws: ``IngotError/missing(path:why:hint:)`` when it is not there or is no regular file,
  ///   ``IngotError/environment(_:)`` when it can't be opened.
  package init(path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    self.path = path
    self.system = system
    do throws(CallFailure) {
      descriptor = try system.open(path, .read)
    } catch {
      throw .notFound(error, path: path, system)
    }
    do throws(CallFailure) {
      status = try system.status(of: descriptor)
    } catch {
      system.close(descriptor)
      throw .failed(error, path: path, purpose: .openInput)
    }
    byteCount = status.byteCount
    guard status.kind == .file else {
      system.close(descriptor)
      throw .missing(
        path: path, why: status.kind == .folder ? "is a folder" : "is not a regular file", hint: nil)
    }
  }

  deinit { system.close(descriptor) }

  /// Keeps other runs that ask for the same from changing the file, until this source is gone.
  ///
  /// - Throws: ``IngotError/sourceChanged(path:found:expected:)`` when another run holds it, or another file stands at its
  ///   path by now, and ``IngotError/environment(_:)`` when the system fails.
  package func lock() throws(IngotError) {
    let (isLocked, standing): (Bool, FileStatus)
    do throws(CallFailure) {
      isLocked = try system.tryLock(descriptor)
      standing = try system.status(at: path, followingLinks: true)
    } catch {
      throw .failed(error, path: path, purpose: .openInput)
    }
    guard isLocked else {
      throw .sourceChanged(
        path: path, found: "being changed by another run", expected: "a file that no run changes")
    }
    guard standing.isSameFile(as: status) else {
      throw .sourceChanged(path: path, found: "another file", expected: "the one that was opened")
    }
  }

  /// Opens another file of the same folder.
  package func sibling(named name: String) throws(IngotError) -> any ByteSource {
    let path = FilePath.join(FilePath.folder(of: path), name)
    do throws(IngotError) {
      return try FileByteSource(path: path, system: system)
    } catch {
      guard case .missing = error, (try? system.status(at: path, followingLinks: true)) == nil else {
        throw error
      }
      throw .missing(path: path, why: "does not exist", hint: "\(self.path) names this file")
    }
  }

  /// Reads bytes from a position, however short the system's own reads are.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count: Int
      do throws(CallFailure) {
        count = try system.read(descriptor, into: rest, at: offset + done)
      } catch {
        throw .failed(error, path: path, purpose: .transfer)
      }
      guard count > 0 else {
        throw .sourceChanged(
          path: path, found: "its end at byte \(offset + done)",
          expected: "\(byteCount, "byte") as when it was opened")
      }
      done += count
    }
  }
}

extension IngotError {
  /// The error of a call that failed: ``environment(_:)``, or ``interrupted`` for one that a signal has cut short.
  ///
  /// - Parameters:
  ///   - call: the call.
  ///   - path: the path it was about.
  ///   - purpose: what it was for.
  /// - Returns: the error.
  package static func failed(
    _ call: CallFailure, path: String, purpose: SystemFailure.Purpose
  ) -> IngotError {
    guard call.errorNumber != Process.ErrorNumber.interrupted else { return .interrupted }
    return .environment(
      SystemFailure(call: call.call, errorNumber: call.errorNumber, path: path, purpose: purpose))
  }

  /// The error of an input that can't be found or opened: of one that is not there it names what looks alike.
  ///
  /// - Parameters:
  ///   - call: the call that failed.
  ///   - path: the input's path.
  ///   - system: the operating system.
  /// - Returns: ``missing(path:why:hint:)`` for what is not there, else as ``failed(_:path:purpose:)``.
  package static func notFound(_ call: CallFailure, path: String, _ system: any SystemCalls) -> IngotError {
    guard call.errorNumber == Process.ErrorNumber.notFound else {
      return .failed(call, path: path, purpose: .openInput)
    }
    return .missing(path: path, why: "does not exist", hint: alike(path, system))
  }

  /// The entry of the same folder whose name is nearest to a missing one's.
  private static func alike(_ path: String, _ system: any SystemCalls) -> Evidence? {
    let folder = FilePath.folder(of: path)
    guard let names = try? system.names(in: folder) else { return "there is no folder \(folder)" }
    return NearestText.match(FilePath.name(of: path), among: names.prefix(1000))
      .map { "\(folder) holds \($0)" }
  }
}
