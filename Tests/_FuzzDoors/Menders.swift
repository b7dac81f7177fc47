// SPDX-License-Identifier: Apache-2.0
// Puts checksums right that no fuzzer guesses, so that a reader goes on to what they guard.
import IngotBytes
import IngotKit

/// Mends the digests of `.ingot` files.
///
/// Page: formats/ingot.md.
package enum IngotMender {
  private static let endByteCount = 64

  /// A file with the digests of its index, its tail, its header and its footer, as far as they can be found.
  package static func mend(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    guard bytes.count >= 2 * endByteCount else { return bytes }
    let footer = bytes.count - endByteCount
    let indexByteCount = number(bytes, at: 16)
    let tailOffset = number(bytes, at: 24)
    if let indexByteCount, indexByteCount <= footer - endByteCount {
      let digest = digest(bytes[endByteCount..<(endByteCount + indexByteCount)])
      put(digest, in: &bytes, at: 32)
      put(digest, in: &bytes, at: footer + 16)
    }
    if let tailOffset, (endByteCount...footer).contains(tailOffset) {
      put(digest(bytes[tailOffset..<footer]), in: &bytes, at: footer + 32)
    }
    put(digest(bytes[0..<48]), in: &bytes, at: 48)
    put(digest(bytes[footer..<(footer + 48)]), in: &bytes, at: footer + 48)
    return bytes
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int? {
    var cursor = ByteCursor(bytes[offset...])
    return cursor.count64()
  }

  private static func digest(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let digest = XXH3.digest(of: Array(bytes))
    var stored: [UInt8] = []
    stored.appendLittle(digest.high.byteSwapped)
    stored.appendLittle(digest.low.byteSwapped)
    return stored
  }

  private static func put(_ new: [UInt8], in bytes: inout [UInt8], at offset: Int) {
    bytes.replaceSubrange(offset..<(offset + new.count), with: new)
  }
}

/// Zip archives of stored members.
enum StoredZip {
  /// An archive; offsets and lengths fit 32 bits.
  static func bytes(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in members {
      let offset = UInt32(archive.count)
      let fields = common(name, content)
      archive.appendLittle(UInt32(0x0403_4B50))
      archive += fields + Array(name.utf8) + content
      directory.appendLittle(UInt32(0x0201_4B50))
      directory.appendLittle(UInt16(20))
      directory += fields
      directory += [UInt8](repeating: 0, count: 10)
      directory.appendLittle(offset)
      directory += Array(name.utf8)
    }
    let start = UInt32(archive.count)
    archive += directory
    archive.appendLittle(UInt32(0x0605_4B50))
    archive.appendLittle(UInt32(0))
    for _ in 0..<2 { archive.appendLittle(UInt16(members.count)) }
    archive.appendLittle(UInt32(directory.count))
    archive.appendLittle(start)
    archive.appendLittle(UInt16(0))
    return archive
  }

  /// The fields that a local header and an entry of the directory share.
  private static func common(_ name: String, _ content: [UInt8]) -> [UInt8] {
    var fields: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    fields.appendLittle(CRC32.value(of: content))
    for _ in 0..<2 { fields.appendLittle(UInt32(content.count)) }
    fields.appendLittle(UInt16(name.utf8.count))
    fields.appendLittle(UInt16(0))
    return fields
  }
}

/// An array of three numbers as `numpy.save` writes it.
enum SoundArray {
  static let bytes: [UInt8] = {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"
    let padding = String(repeating: " ", count: 117 - header.utf8.count)
    return [0x93] + Array("NUMPY\u{1}\u{0}\u{76}\u{0}".utf8) + Array("\(header)\(padding)\n".utf8)
      + [UInt8](repeating: 0, count: 12)
  }()
}
