// SPDX-License-Identifier: Apache-2.0
// Deflate streams (RFC 1951) through zlib, in both directions, raw or with gzip's or zlib's header and trailer around them, with memory that does not depend on the stream.
import CZlib
import IngotCore

/// Decompresses a deflate stream, piece by piece.
package struct Inflater: ~Copyable {
  /// What stands around the stream.
  package enum Frame: Sendable {
    /// Nothing.
    case none
    /// gzip's header and trailer (RFC 1952), whose CRC-32 and length are compared.
    case gzip
    /// zlib's header and trailer (RFC 1950), whose Adler-32 is compared.
    case zlib

    /// zlib's window bits: negative for no frame, 16 more for gzip's.
    fileprivate var windowBits: Int32 {
      switch self {
      case .none: -15
      case .gzip: 31
      case .zlib: 15
      }
    }
  }

  /// Why a stream can't be decoded.
  package enum Failure: Error, Sendable {
    /// The bytes are no deflate stream.
    case corrupt
    /// The stream needs more input than there is.
    case truncated
  }

  // SAFETY: zlib keeps a pointer to the stream, so it stands at one address until `deinit`.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the stream's end mark has been read.
  package private(set) var isFinished = false

  /// Makes a decoder at the start of a stream.
  package init(_ frame: Frame = .none) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    inflateInit2_(stream, frame.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Decodes as much as fits.
  ///
  /// - Returns: how many bytes of the input were used and how many of the output were written.
  package mutating func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(Failure) -> (used: Int, written: Int) {
    let inputCount = min(input.count, Int(UInt32.max))
    let outputCount = min(output.count, Int(UInt32.max))
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(inputCount)
    stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(outputCount)
    switch inflate(stream, Z_NO_FLUSH) {
    case Z_STREAM_END: isFinished = true
    case Z_OK: break
    case Z_BUF_ERROR: if input.isEmpty { throw .truncated }
    default: throw .corrupt
    }
    return (inputCount - Int(stream.pointee.avail_in), outputCount - Int(stream.pointee.avail_out))
  }
}

/// Compresses to a raw deflate stream, piece by piece.
package struct Deflater: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>

  /// Makes an encoder at zlib's default level, which `numpy.savez_compressed` uses too.
  package init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    deflateInit2_(
      stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Compresses all of the input, handing over output whenever the buffer is full; at the end the rest too.
  ///
  /// - Parameters:
  ///   - input: the next bytes; at most 2³² − 1 of them.
  ///   - isLast: whether the stream ends with them.
  ///   - buffer: room for output, not empty.
  ///   - emit: takes the compressed bytes.
  /// - Throws: what `emit` throws.
  package mutating func encode(
    _ input: UnsafeRawBufferPointer, isLast: Bool, using buffer: UnsafeMutableRawBufferPointer,
    emit: (UnsafeRawBufferPointer) throws(IngotError) -> Void
  ) throws(IngotError) {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    var status = Z_OK
    repeat {
      stream.pointee.next_out = buffer.assumingMemoryBound(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(buffer.count)
      status = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
      let written = buffer.count - Int(stream.pointee.avail_out)
      if written > 0 { try emit(UnsafeRawBufferPointer(rebasing: buffer[..<written])) }
    } while stream.pointee.avail_out == 0 || (isLast && status == Z_OK)
  }
}
