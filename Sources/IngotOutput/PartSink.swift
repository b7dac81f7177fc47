// SPDX-License-Identifier: Apache-2.0
// One part on its way to where the last one ended, compressed or as it is.
import IngotBytes
import IngotCore

/// Writes the bytes of one part in order, compressed or as they are.
final class PartSink {
  private let target: any OutputTarget
  private let start: Int
  private var offset: Int
  private var deflater: Deflater?
  private var buffer: UnsafeMutableRawBufferPointer

  init(target: any OutputTarget, offset: Int, deflates: Bool) {
    self.target = target
    self.start = offset
    self.offset = offset
    if deflates { deflater = Deflater() }
    buffer = .allocate(byteCount: deflates ? 1 << 18 : 0, alignment: 64)
  }

  deinit { buffer.deallocate() }

  func write(_ bytes: [UInt8]) throws(IngotError) {
    try bytes.withBytes { (raw) throws(IngotError) in try write(raw, isLast: false) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws(IngotError) {
    guard deflater != nil else {
      try target.write(bytes, at: offset)
      offset += bytes.count
      return
    }
    try deflater?.encode(bytes, isLast: isLast, using: buffer) { (packed) throws(IngotError) in
      try target.write(packed, at: offset)
      offset += packed.count
    }
  }

  /// Ends the part; returns the bytes it takes.
  func finish() throws(IngotError) -> Int {
    if deflater != nil { try write(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) }
    return offset - start
  }
}
