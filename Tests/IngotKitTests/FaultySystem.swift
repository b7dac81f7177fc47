// SPDX-License-Identifier: Apache-2.0
// The operating system on a bad day: a disk that fills midway, a source that ends early, calls that do half.
import IngotBytes
import IngotKit
import IngotTestSupport

/// The operating system with faults put in.
final class FaultySystem: ForwardingSystem {
  /// Bytes that can be written before the disk is full.
  let writableByteCount: Int
  /// Where every file seems to end for reads by position.
  let readableEnd: Int
  /// The most bytes of one read or write.
  let transferByteLimit: Int
  private static let crossDevice: Int32 = 18
  private static let notSupported: Int32 = 95
  private let written = Locked(0)

  init(writableByteCount: Int = .max, readableEnd: Int = .max, transferByteLimit: Int = .max) {
    self.writableByteCount = writableByteCount
    self.readableEnd = readableEnd
    self.transferByteLimit = transferByteLimit
  }

  func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let count = min(buffer.count, transferByteLimit, max(0, readableEnd - offset))
    return try live.read(
      descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
  }

  func write(
    _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, at offset: Int
  ) throws(CallFailure) -> Int {
    let count = min(buffer.count, transferByteLimit)
    let isFull = written.withLock { written in
      written += count
      return written > writableByteCount
    }
    if isFull { throw CallFailure(call: "pwrite", errorNumber: Process.ErrorNumber.noSpace) }
    return try live.write(descriptor, from: UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
  }

  /// Not between these file systems.
  func copyRange(
    from source: Int32, at sourceOffset: Int, to target: Int32, at targetOffset: Int, byteCount: Int
  ) throws(CallFailure) -> Int {
    throw CallFailure(call: "copy_file_range", errorNumber: Self.crossDevice)
  }

  /// A file system that reserves nothing.
  func allocate(_ descriptor: Int32, byteCount: Int) throws(CallFailure) {
    throw CallFailure(call: "fallocate", errorNumber: Self.notSupported)
  }
}
