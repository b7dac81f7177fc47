// SPDX-License-Identifier: Apache-2.0
// Something of known length that is read by position: a file, or bytes in memory.
import IngotCore

/// Something of known length that is read by position.
public protocol ByteSource: Sendable {
  /// The path by which messages call it.
  var path: String { get }
  /// Its length in bytes.
  var byteCount: Int { get }

  /// Fills a buffer from a position.
  ///
  /// - Throws: ``IngotError/sourceChanged(path:found:expected:)`` when the source ends before the buffer is full, and
  ///   ``IngotError/environment(_:)`` when the system fails.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError)
}

extension ByteSource {
  /// Reads a range into an array of its own.
  ///
  /// The range is the caller's to check; a length beyond the end is never allocated.
  public func bytes(at offset: Int, count: Int) throws(IngotError) -> [UInt8] {
    guard offset >= 0, count >= 0, let end = offset.checkedAdd(count), end <= byteCount else {
      throw .internal("a read of \(count) bytes at \(offset) of a source of \(byteCount)")
    }
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
public struct MemoryByteSource: ByteSource {
  /// The name by which messages call it.
  public let path: String
  private let content: [UInt8]

  /// Makes a source of bytes.
  public init(_ content: [UInt8], path: String) {
    self.content = content
    self.path = path
  }

  /// The number of bytes.
  public var byteCount: Int { content.count }

  /// Copies bytes from a position.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    guard offset >= 0, let end = offset.checkedAdd(buffer.count), end <= content.count else {
      throw .sourceChanged(path: path, found: "\(content.count) bytes", expected: "more than \(offset)")
    }
    content.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<end])) }
  }
}

/// An open file.
///
/// Reads are by position, so one file serves many readers.
public final class FileByteSource: ByteSource {
  /// The path as it was given.
  public let path: String
  /// The file's length when it was opened.
  public let byteCount: Int
  /// What the file was when it was opened.
  public let status: FileStatus
  /// The open descriptor, for copies inside the kernel.
  public let descriptor: Int32
  private let system: any SystemCalls

  /// Opens a regular file for reading.
  ///
  /// - Throws: ``IngotError/environment(_:)`` when it can't be opened or is no regular file.
  public init(path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    self.path = path
    self.system = system
    do throws(CallFailure) {
      descriptor = try system.open(path, .read)
    } catch {
      throw .environment(SystemFailure(error, path: path, purpose: .openInput))
    }
    do throws(CallFailure) {
      status = try system.status(of: descriptor)
    } catch {
      system.close(descriptor)
      throw .environment(SystemFailure(error, path: path, purpose: .openInput))
    }
    byteCount = status.byteCount
    guard status.kind == .file else {
      system.close(descriptor)
      throw .missing(
        path: path, why: status.kind == .folder ? "is a folder" : "is no regular file", hint: nil)
    }
  }

  deinit { system.close(descriptor) }

  /// Reads bytes from a position, however short the system's own reads are.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count: Int
      do throws(CallFailure) {
        count = try system.read(descriptor, into: rest, at: offset + done)
      } catch {
        throw .environment(SystemFailure(error, path: path, purpose: .transfer))
      }
      guard count > 0 else {
        throw .sourceChanged(
          path: path, found: "its end at byte \(offset + done)",
          expected: "\(byteCount) bytes as when it was opened")
      }
      done += count
    }
  }
}

extension SystemFailure {
  /// Adds a path and a purpose to a failed call.
  public init(_ failure: CallFailure, path: String, purpose: Purpose) {
    self.init(call: failure.call, errorNumber: failure.errorNumber, path: path, purpose: purpose)
  }
}
