// SPDX-License-Identifier: Apache-2.0
// What the malformed files do not show: limits that need large files, and what is accepted.
import Foundation
import IngotBytes
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct SafetensorsHeaderTests {
  @Test func `a header over 100 MB is refused by its length alone`() throws {
    let folder = try TemporaryFolder()
    let length: UInt64 = 100_000_001
    var start: [UInt8] = []
    start.appendLittle(length)
    let path = try folder.write(start + Array("{".utf8), to: "long.safetensors")
    // Sparse: nothing behind the first bytes takes space on the disk.
    #expect(truncate(path, 8 + Int(length)) == 0)
    let source = try FileByteSource(path: path)
    #expect(
      brokenRule { () throws(IngotError) in try SafetensorsFormat().read(source, options: ReadOptions()) }
        == "ST-03")
  }

  @Test func `names that differ only in how Unicode composes them are two tensors`() throws {
    let one = #"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    let two = #"{"dtype":"U8","shape":[1],"data_offsets":[1,2]}"#
    let checkpoint = try read("{\"\u{E9}\":\(one),\"e\u{301}\":\(two)}", dataByteCount: 2)
    #expect(checkpoint.tensors.map { Array($0.name.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }

  @Test func `unknown keys of an entry may nest as deep as serde_json lets them`() throws {
    func header(arrays: Int) -> String {
      let nested = String(repeating: "[", count: arrays) + String(repeating: "]", count: arrays)
      return #"{"a":{"x":\#(nested),"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#
    }
    // The header and the entry are two levels themselves.
    #expect(try read(header(arrays: 125), dataByteCount: 1).tensors.count == 1)
    #expect(
      brokenRule { () throws(IngotError) in try read(header(arrays: 126), dataByteCount: 1) } == "ST-17")
  }

  @Test func `tensors come by offset, and those of no bytes in the header's order`() throws {
    let header = #"""
      {"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"z":{"dtype":"F64","shape":[0],"data_offsets":[1,1]},
      "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F64","shape":[0,5],"data_offsets":[1,1]}}
      """#
    #expect(try read(header, dataByteCount: 3).tensors.map(\.name) == ["a", "z", "y", "b"])
  }

  private func read(_ header: String, dataByteCount: Int) throws(IngotError) -> Checkpoint {
    var bytes: [UInt8] = []
    bytes.appendLittle(UInt64(header.utf8.count))
    bytes += Array(header.utf8) + [UInt8](repeating: 0, count: dataByteCount)
    return try SafetensorsFormat().read(MemoryByteSource(bytes, path: "m"), options: ReadOptions())
  }
}

/// The id of the rule that a call finds broken; else what happened instead.
func brokenRule<Value>(_ body: () throws(IngotError) -> Value) -> String {
  do throws(IngotError) {
    _ = try body()
    return "accepted"
  } catch {
    if case .malformed(let rule, _, _, _) = error { return rule.id }
    return "\(error)"
  }
}
