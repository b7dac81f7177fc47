// SPDX-License-Identifier: Apache-2.0
// Integers with their scales in sets of files: read whole, and each file alone.
import Foundation
import IngotCore
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ShardedIntegersTests {
  /// Integers of channels, and of groups, whose scales' shapes alone don't tell what they are for.
  private static func source(_ scheme: QuantizationScheme, in folder: TemporaryFolder) throws -> String {
    var options = QuantizeOptions()
    options.scheme = scheme
    let path = folder.file("source.safetensors")
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: path, options: options)
    return path
  }

  @Test(arguments: ["safetensors", "pytorch", "tensorflow"], [QuantizationScheme.int8, .int8Group32])
  func `a set holds what one file holds`(_ format: String, _ scheme: QuantizationScheme) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(scheme, in: folder)
    var options = ConvertOptions()
    (options.format, options.shardByteLimit, options.check) = (format, 300_000, true)
    _ = try Ingot.convert(source, to: folder.file("set/"), options: options)
    #expect(try Ingot.hash(folder.file("set")).tensors == Ingot.hash(source).tensors)
  }

  @Test(arguments: ["safetensors", "pytorch"])
  func `each file of a set names what it holds`(_ format: String) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(.int8, in: folder)
    var options = ConvertOptions()
    (options.format, options.shardByteLimit) = (format, 300_000)
    _ = try Ingot.convert(source, to: folder.file("set/"), options: options)
    let files = folder.entries().filter { $0.hasPrefix("set/") && $0.contains("-of-") }
    #expect(files.count > 2)
    var found: [String] = []
    for file in files {
      let tensors = try Ingot.inspect(folder.file(file)).tensors.map(\.descriptor)
      #expect(!tensors.contains { $0.name.hasSuffix("_scale") })
      found += tensors.filter { $0.quantization != nil }.map(\.name)
    }
    let all = try Ingot.inspect(source).tensors.map(\.descriptor).filter { $0.quantization != nil }
    #expect(found.sorted() == all.map(\.name).sorted())
  }
}
