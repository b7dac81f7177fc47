// SPDX-License-Identifier: Apache-2.0
// An open file being written by position. It has no opinion on names: AtomicOutput gives it one and takes it away.
import IngotCore

/// Something that bytes are written to by position.
public protocol OutputTarget: Sendable {
  /// Writes all bytes at a position.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IngotError)
}

extension OutputTarget {
  /// Writes bytes at hand at a position.
  public func write(_ bytes: [UInt8], at offset: Int) throws(IngotError) {
    var failure: IngotError?
    bytes.withUnsafeBytes { raw in
      do throws(IngotError) { try write(raw, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

/// An open file being written by position.
public final class OutputFile: OutputTarget {
  /// The path by which messages call it: the final one, not the partial one.
  public let path: String
  /// The open descriptor.
  let descriptor: Int32
  private let system: any SystemCalls

  init(adopting descriptor: Int32, path: String, system: any SystemCalls) {
    self.descriptor = descriptor
    self.path = path
    self.system = system
  }

  deinit { system.close(descriptor) }

  /// Opens a file that is there, to write over some of its bytes.
  ///
  /// - Throws: ``IngotError/environment(_:)`` when it can't be opened for writing.
  public convenience init(updating path: String, system: any SystemCalls = LiveSystem()) throws(IngotError) {
    do throws(CallFailure) {
      self.init(adopting: try system.open(path, .update), path: path, system: system)
    } catch {
      throw .environment(SystemFailure(error, path: path, purpose: .createOutput))
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
  public static func scratch(
    in folder: String, byteCount: Int, system: any SystemCalls = LiveSystem()
  ) throws(IngotError) -> OutputFile {
    do throws(CallFailure) {
      let file = OutputFile(adopting: try system.open(folder, .scratch), path: folder, system: system)
      try system.reserve(file.descriptor, byteCount: byteCount)
      return file
    } catch {
      throw .environment(SystemFailure(error, path: folder, purpose: .transfer))
    }
  }

  private func failure(_ error: CallFailure) -> IngotError {
    .environment(SystemFailure(error, path: path, purpose: .transfer))
  }

  /// Reserves space for the whole file; a disk that lacks it is found here.
  public func reserve(byteCount: Int) throws(IngotError) {
    do throws(CallFailure) {
      try system.reserve(descriptor, byteCount: byteCount)
    } catch {
      throw failure(error)
    }
  }

  /// Writes all bytes at a position.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IngotError) {
    var done = 0
    while done < bytes.count {
      do throws(CallFailure) {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let count = try system.write(descriptor, from: rest, at: offset + done)
        guard count > 0 else { throw CallFailure(call: "pwrite", errorNumber: Process.ErrorNumber.noSpace) }
        done += count
      } catch {
        throw failure(error)
      }
    }
  }

  /// Reads back what was written.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    var done = 0
    while done < buffer.count {
      do throws(CallFailure) {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = try system.read(descriptor, into: rest, at: offset + done)
        guard count > 0 else { throw CallFailure(call: "pread", errorNumber: Process.ErrorNumber.noSpace) }
        done += count
      } catch {
        throw failure(error)
      }
    }
  }

  /// Copies a range of a source without passing it through this process, as far as the file systems allow.
  ///
  /// - Returns: the bytes copied: all, or fewer where the kernel can't go on and reads and writes must.
  public func copy(
    from source: FileByteSource, at sourceOffset: Int, byteCount: Int, to offset: Int,
    progress: (Int) throws(IngotError) -> Void
  ) throws(IngotError) -> Int {
    /// A piece short enough that progress and interrupts are looked at several times a second.
    let pieceByteCount = 64 << 20
    var done = 0
    while done < byteCount {
      let count: Int
      do throws(CallFailure) {
        count = try system.copyRange(
          from: source.descriptor, at: sourceOffset + done, to: descriptor, at: offset + done,
          byteCount: min(pieceByteCount, byteCount - done))
      } catch {
        if Process.ErrorNumber.unsupported.contains(error.errorNumber) { return done }
        throw failure(error)
      }
      // The source ended early, or its file system can't copy in the kernel: a read tells which.
      guard count > 0 else { return done }
      done += count
      try progress(count)
    }
    return done
  }

  /// Flushes content and length to the disk.
  public func synchronize() throws(IngotError) {
    do throws(CallFailure) {
      try system.synchronize(descriptor)
    } catch {
      throw failure(error)
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
      try truncate(descriptor, byteCount: byteCount)
    }
  }
}
