// SPDX-License-Identifier: Apache-2.0
// TensorFlow's bundles: how they are found and recognised, and what becomes of strings.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct TensorFlowTests {
  private func names(_ path: String, _ options: ReadOptions = ReadOptions()) throws -> [String] {
    try CheckpointOpener(options: options).open(path).tensors.map(\.name)
  }

  @Test func `a bundle opens by prefix, index, data file or folder`() throws {
    let folder = try TemporaryFolder()
    for name in Fixture.names(in: "golden/tensorflow") where name.hasPrefix("sharded.") {
      try folder.copy(Fixture.path("golden/tensorflow/" + name))
    }
    let expected = try names(Fixture.path("golden/tensorflow/sharded.index"))
    #expect(expected.count == 11)
    for path in ["sharded", "sharded.index", "sharded.data-00001-of-00003", ""] {
      #expect(try names(folder.file(path)) == expected)
    }
    try folder.write("model_checkpoint_path: \"sharded\"\n", to: "checkpoint")
    #expect(try names(folder.path) == expected)
  }

  @Test func `a folder of several bundles asks which`() throws {
    var options = ReadOptions()
    options.fileName = "strings.index"
    #expect(try names(Fixture.path("golden/tensorflow"), options) == ["w"])
    #expect {
      _ = try names(Fixture.path("golden/tensorflow"))
    } throws: { error in
      guard case .unsuitable? = error as? IngotError else { return false }
      return true
    }
  }

  @Test func `a data file that is not there is missing, not malformed`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("golden/tensorflow/strings.index"))
    #expect {
      _ = try names(folder.file("strings"))
    } throws: { error in
      guard case .missing(let path, _, _)? = error as? IngotError else { return false }
      return path.hasSuffix("strings.data-00000-of-00001")
    }
  }

  @Test func `an index under another name says how it should be called`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("golden/tensorflow/names.index"), as: "names.ckpt")
    #expect {
      _ = try names(folder.file("names.ckpt"))
    } throws: { error in
      guard case .unsuitable? = error as? IngotError else { return false }
      return true
    }
  }

  @Test func `plain indexes are recognised by their content`() throws {
    for name in Fixture.names(in: "golden/tensorflow") where name.hasSuffix(".index") {
      let bytes = try Fixture.bytes("golden/tensorflow/" + name)
      let firstBytes = Array(bytes.prefix(FormatRegistry.firstByteCount))
      let isPacked = name.hasPrefix("snappy.")
      #expect(
        TensorFlowFormat().recognizes(firstBytes: firstBytes, byteCount: bytes.count) != isPacked, "\(name)")
    }
    #expect(!TensorFlowFormat().recognizes(firstBytes: [0, 0, 0], byteCount: 3))
    #expect(!TensorFlowFormat().recognizes(firstBytes: [0, 0, 9, 8], byteCount: 4))
  }

  @Test(arguments: ["strings", "big-endian-strings"])
  func `strings are metadata, bytes that are no text as Base64`(_ name: String) throws {
    let checkpoint = try CheckpointOpener().open(Fixture.path("golden/tensorflow/\(name).index"))
    #expect(checkpoint.metadata.string("text") == "{\"class_name\": \"Dense\"}")
    #expect(
      checkpoint.metadata["list"]
        == .array(["one", "", "größe", String(repeating: "x", count: 200)].map(MetadataValue.string)))
    #expect(checkpoint.metadata["none"] == .array([]))
    #expect(
      checkpoint.metadata["binary"] == .object(Metadata([.init(key: "base64", value: .string("/wD+"))])))
    #expect(checkpoint.findings.map(\.subject) == ["matrix"])
    #expect(checkpoint.findings.map(\.kind) == [.notRead])
  }

  @Test func `integers by other names are read with a finding each`() throws {
    let checkpoint = try CheckpointOpener().open(Fixture.path("golden/tensorflow/other-integers"))
    #expect(checkpoint.findings.map(\.subject) == checkpoint.tensors.map(\.name))
    #expect(checkpoint.findings.count == 7 && checkpoint.findings.allSatisfy { $0.kind == .readAs })
  }

  @Test func `Base64 is what the RFC says, and no other spelling`() {
    // RFC 4648, section 10.
    let vectors = [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ]
    for (plain, text) in vectors {
      #expect(Base64.text(of: Array(plain.utf8)) == text)
      #expect(Base64.bytes(of: text) == Array(plain.utf8))
    }
    for text in ["Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm9v\n", "====", "Zm9vé"] {
      #expect(Base64.bytes(of: text) == nil, "\(text)")
    }
  }
}
