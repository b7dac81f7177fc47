// SPDX-License-Identifier: Apache-2.0
// TensorFlow's bundles through the verbs: written as TensorFlow writes them, and read by a reader made from the page.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct TensorFlowFileTests {
  private var tensorflow: ConvertOptions {
    var options = ConvertOptions()
    options.format = "tensorflow"
    return options
  }

  /// What the Python reader finds in bundles.
  private func readByPage(_ prefixes: [String]) throws -> [[ReadTensor]] {
    let output = try PythonPeer.run("fixtures/readers/tensorflow_reader.py", prefixes).standardOutput
    return try output.split(separator: "\n").map {
      try JSONDecoder().decode([ReadTensor].self, from: Data($0.utf8))
    }
  }

  /// Those of TensorFlow's own files whose data stands in the order of the names.
  @Test(arguments: ["every-dtype", "scalar-and-empty", "special-values", "ten-dimensions"])
  func `writes the bytes that TensorFlow writes`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/tensorflow/\(name)")
    let report = try Conversion(source, to: folder.file("out"), options: tensorflow).run()
    #expect(report.losses.isEmpty)
    for suffix in ["index", "data-00000-of-00001"] {
      #expect(
        try folder.bytes("out/model.ckpt.\(suffix)") == Fixture.bytes("golden/tensorflow/\(name).\(suffix)"))
    }
    let state = "model_checkpoint_path: \"model.ckpt\"\nall_model_checkpoint_paths: \"model.ckpt\"\n"
    #expect(try folder.bytes("out/checkpoint") == Array(state.utf8))
  }

  @Test func `a reader made from the page alone reads what TensorFlow wrote`() throws {
    let files = GoldenFile.all.filter { $0.name.hasPrefix("tensorflow/") }
    #expect(files.count > 15)
    for (tensors, file) in zip(try readByPage(files.map(\.path)), files) {
      #expect(tensors == file.tensors, "\(file)")
    }
  }

  @Test func `the same reader reads what we wrote of every golden file`() throws {
    let folder = try TemporaryFolder()
    var written: [(file: GoldenFile, prefix: String)] = []
    for (index, file) in GoldenFile.all.enumerated() {
      var options = tensorflow
      options.reading = file.reading
      do throws(IngotError) {
        _ = try Conversion(file.path, to: folder.file("\(index)"), options: options).run()
      } catch {
        guard case .unrepresentable = error else { throw error }
        continue
      }
      // A bundle keeps its own name.
      let name = folder.entries().first { $0.hasPrefix("\(index)/") && $0.hasSuffix(".index") }
      written.append((file, folder.file(String(try #require(name).dropLast(6)))))
    }
    #expect(written.count > 60)
    let read = try readByPage(written.map(\.prefix))
    try #require(read.count == written.count)
    for (tensors, (file, _)) in zip(read, written) { #expect(Set(tensors) == Set(file.tensors), "\(file)") }
  }

  @Test func `a set of several data files is read by both`() throws {
    let folder = try TemporaryFolder()
    var options = tensorflow
    options.shardByteLimit = 1_000_000
    options.check = true
    let source = Fixture.path("kjv-gpt2")
    let report = try Conversion(source, to: folder.file("out"), options: options).run()
    #expect(report.fileNames.filter { $0.contains(".data-") }.count == 5)
    #expect(report.fileNames.contains("config.json"))
    let ours = try GoldenFile.read(folder.file("out"))
    #expect(Set(ours) == Set(try GoldenFile.read(source)))
    #expect(try readByPage([folder.file("out/model.ckpt")]) == [ours])
  }

  @Test func `an index of many blocks is read by both`() throws {
    let folder = try TemporaryFolder()
    let count = 15_000
    var header = "{"
    for index in 0..<count {
      header += "\"layer/\(index)/some/longer/name/kernel\":{\"dtype\":\"U8\",\"shape\":[1],"
      header += "\"data_offsets\":[\(index),\(index + 1)]}" + (index + 1 < count ? "," : "}")
    }
    var bytes: [UInt8] = []
    bytes.appendLittle(UInt64(header.utf8.count))
    bytes += header.utf8
    bytes += (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let source = try folder.write(bytes, to: "many.safetensors")
    _ = try Conversion(source, to: folder.file("out"), options: tensorflow).run()
    #expect(try folder.bytes("out/model.ckpt.index").count > 2 * 262_144)
    let ours = try GoldenFile.read(folder.file("out"))
    #expect(Set(ours) == Set(try GoldenFile.read(source)))
    #expect(try readByPage([folder.file("out/model.ckpt")]) == [ours])
  }

  @Test func `strings and objects come back, other metadata is a loss`() throws {
    let folder = try TemporaryFolder()
    for name in ["strings", "object-based"] {
      let source = Fixture.path("golden/tensorflow/\(name)")
      _ = try Conversion(source, to: folder.file(name + ".ingot"), options: ConvertOptions()).run()
      let report = try Conversion(
        folder.file(name + ".ingot"), to: folder.file(name + "-back"), options: tensorflow
      ).run()
      #expect(report.losses.isEmpty)
      let metadata = try Ingot.inspect(source).checkpoint.metadata
      #expect(!metadata.isEmpty)
      #expect(try Ingot.inspect(folder.file(name + "-back")).checkpoint.metadata == metadata)
    }
    let other = Fixture.path("golden/ingot/metadata.ingot")
    let report = try Conversion(other, to: folder.file("other"), options: tensorflow).run()
    #expect(report.losses.contains { $0.kind == .metadata })
  }

  @Test func `quantized tensors come back`() throws {
    let folder = try TemporaryFolder()
    let source = folder.file("int8.ingot")
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: source)
    _ = try Conversion(source, to: folder.file("out"), options: tensorflow).run()
    #expect(try Set(GoldenFile.read(folder.file("out"))) == Set(GoldenFile.read(source)))
    #expect(try Ingot.inspect(folder.file("out")).checkpoint.tensors.contains { $0.quantization != nil })
  }

  @Test func `an existing bundle is replaced with force, and only as a whole`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/tensorflow/every-dtype")
    var options = tensorflow
    _ = try Conversion(source, to: folder.file("out"), options: options).run()
    options.force = true
    options.shardByteLimit = 200
    _ = try Conversion(source, to: folder.file("out"), options: options).run()
    #expect(folder.entries().filter { $0.hasSuffix("-of-00001") }.isEmpty)
    try folder.write("mine", to: "out/notes.txt")
    #expect {
      _ = try Conversion(source, to: folder.file("out"), options: options).run()
    } throws: { error in
      guard case .outputRefused? = error as? IngotError else { return false }
      return true
    }
  }

  @Test func `a single file of a bundle is no output, and standard output neither`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/tensorflow/every-dtype")
    #expect {
      _ = try Conversion(source, to: folder.file("model.ckpt.index"), options: ConvertOptions())
    } throws: { error in
      guard case .invalidRequest? = error as? IngotError else { return false }
      return true
    }
    #expect {
      _ = try Conversion(source, to: "-", options: tensorflow)
    } throws: { error in
      guard case .unrepresentable? = error as? IngotError else { return false }
      return true
    }
  }

  @Test func `a dtype that TensorFlow lacks is refused, and can be cast`() throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/safetensors/every-dtype.safetensors")
    #expect {
      _ = try Conversion(source, to: folder.file("out"), options: tensorflow)
    } throws: { error in
      guard let error = error as? IngotError, case .unrepresentable(let tensor, _, _, _) = error else {
        return false
      }
      return tensor?.contains("e8m0") == true && !error.remedies.isEmpty
    }
  }
}
