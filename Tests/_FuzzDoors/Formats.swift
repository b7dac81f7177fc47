// SPDX-License-Identifier: Apache-2.0
// Doors into the readers of single formats. Checksums that a fuzzer can't guess are put right first, so that it comes to
// what they guard.
import IngotBytes
import IngotEncodings
import IngotFormats
import IngotKit
import IngotReport

extension FuzzDoor {
  static let formats: [FuzzDoor] = [
    reader("npy", NumPyArrayFormat(), "fuzzed.npy", greatestByteCount: 1024),
    reader("npz", NumPyArchiveFormat(), "fuzzed.npz"),
    reader("safetensors", SafetensorsFormat(), "fuzzed.safetensors", editor: SafetensorsEditor()),
    reader("gguf", GGUFFormat(), "fuzzed.gguf", editor: GGUFEditor()),
    reader("pytorch-stream", PyTorchFormat(), "fuzzed.pt"),
    FuzzDoor("pytorch-tree") { (bytes) throws(IngotError) in
      let archive = StoredZip.bytes([
        ("archive/data.pkl", bytes), ("archive/version", Array("3\n".utf8)),
        ("archive/data/0", [UInt8](repeating: 7, count: 24)),
        ("archive/data/1", [UInt8](repeating: 7, count: 64)),
      ])
      try read(PyTorchFormat(), MemoryByteSource(archive, path: "fuzzed.pt"))
    },
    FuzzDoor("ingot", greatestByteCount: 8192) { (bytes) throws(IngotError) in
      let source = MemoryByteSource(IngotMender.mend(bytes), path: "fuzzed.ingot")
      _ = try IngotFileFormat.tail(of: source)
      try read(IngotFileFormat(), source)
    },
    FuzzDoor("llmc") { (bytes) throws(IngotError) in
      let source = MemoryByteSource(bytes, path: "fuzzed.bin")
      _ = try? LLMCState.read(source, vocabularySize: 5)
      try read(LLMCFormat(), source)
    },
    reader("llama2c", Llama2CFormat(), "fuzzed.bin"),
    reader("ctranslate2", CTranslate2Format(), "fuzzed.bin"),
    FuzzDoor("openai-params") { (bytes) throws(IngotError) in
      // The shapes, the names and the first array, with a record separator between; the other arrays are sound.
      let parts = bytes.split(separator: 0x1E, maxSplits: 2, omittingEmptySubsequences: false).map {
        Array($0)
      }
      let sound = SoundArray.bytes
      var siblings = Dictionary(uniqueKeysWithValues: (1..<10).map { ("params_\($0).npy", sound) })
      siblings["params_0.npy"] = parts.count > 2 ? parts[2] : sound
      if parts.count > 1, !parts[1].isEmpty { siblings["parameters_names.json"] = parts[1] }
      try read(
        OpenAIParamsFormat(), MemoryByteSource(parts[0], path: "params_shapes.json", siblings: siblings))
    },
    FuzzDoor("tensorflow", greatestByteCount: 8192) { (bytes) throws(IngotError) in
      let siblings = [
        "fuzzed.data-00000-of-00001", "fuzzed.data-00000-of-00002", "fuzzed.data-00001-of-00002",
      ]
      let data = (0..<4096).map { UInt8(truncatingIfNeeded: $0) }
      let source = MemoryByteSource(
        TableMender.mend(bytes), path: "fuzzed.index",
        siblings: Dictionary(uniqueKeysWithValues: siblings.map { ($0, data) }))
      try read(TensorFlowFormat(), source)
    },
    FuzzDoor("shard-index") { (bytes) throws(IngotError) in
      _ = try ShardIndex(bytes, path: "fuzzed.safetensors.index.json")
      _ = try ShardIndex(bytes, path: "fuzzed.bin.index.json")
    },
    FuzzDoor("quantized-parts") { (bytes) throws(IngotError) in try assemble(bytes) },
  ]

  /// A door into a format whose files stand alone.
  private static func reader(
    _ name: String, _ format: any CheckpointFormat, _ path: String, editor: (any MetadataEditor)? = nil,
    greatestByteCount: Int = 4096
  ) -> FuzzDoor {
    FuzzDoor(name, greatestByteCount: greatestByteCount) { (bytes) throws(IngotError) in
      let source = MemoryByteSource(bytes, path: path)
      try read(format, source)
      guard let editor else { return }
      do throws(IngotError) {
        _ = try editor.header(of: source, changed: MetadataChange(values: [(key: "key", text: "[1,2]")]))
      } catch {
        // A header that can't be made new is said so; only what no bytes may lead to is of interest.
        if case .internal = error { throw error }
      }
    }
  }

  /// Reads a header, lists what it would call, and shows it; each range lies in its file.
  private static func read(_ format: any CheckpointFormat, _ source: any ByteSource) throws(IngotError) {
    var scanner = ContentScanner(CheckpointOpener())
    try scanner.scan(source)
    let checkpoint = try QuantizedParts.assemble(format.read(source, options: ReadOptions()))
    for tensor in checkpoint.tensors {
      for part in tensor.parts {
        for segment in part.storage.segments.all {
          let byteCount = checkpoint.files[segment.file].byteCount
          precondition(segment.offset >= 0 && segment.byteCount >= 0, "a range below 0")
          precondition(segment.offset <= byteCount - segment.byteCount, "a range outside its file")
        }
      }
    }
    show(checkpoint, path: source.path)
  }

  /// Puts a checkpoint into words, as `inspect` does.
  static func show(_ checkpoint: Checkpoint, path: String) {
    let report = InspectionReport(checkpoint, path: path)
    try? JSONText.writeInspections([report], hasTypes: true) { _ in }
    var unfolded = InspectionText.Options()
    unfolded.isUnfolded = true
    unfolded.showsMetadata = true
    for options in [unfolded, InspectionText.Options()] {
      try? InspectionText.write(report, options: options, style: TextStyle()) { _ in }
    }
  }

  /// Puts quantized tensors together by a description, from parts of which some fit.
  private static func assemble(_ bytes: [UInt8]) throws(IngotError) {
    let parts: [(name: String, dtype: DType, shape: [Int])] = [
      ("w", .i8, [4, 6]), ("w_scale", .f32, [4]), ("w_zero_point", .i8, [4]), ("v", .i8, [4, 6]),
      ("w_kept_rows", .f32, [2, 6]),
      ("v_scale", .f32, [4, 2]), ("t", .i8, [3]), ("t_scale", .f32, []), ("t_zero_point", .i8, []),
      ("f", .f32, [2]),
    ]
    var header: [String] = []
    var offset = 0
    for part in parts {
      let byteCount = part.shape.reduce(1, *) * (part.dtype == .f32 ? 4 : 1)
      header.append(
        #""\#(part.name)":{"dtype":"\#(part.dtype.rawValue)","shape":\#(part.shape),"data_offsets":[\#(offset),\#(offset + byteCount)]}"#
      )
      offset += byteCount
    }
    let text = JSONWriter.quoted(String(decoding: bytes, as: UTF8.self))
    header.append(#""__metadata__":{"\#(QuantizedParts.metadataKey)":\#(text)}"#)
    let json = Array("{\(header.joined(separator: ","))}".utf8)
    var file: [UInt8] = []
    file.appendLittle(UInt64(json.count))
    file += json + [UInt8](repeating: 1, count: offset)
    try read(SafetensorsFormat(), MemoryByteSource(file, path: "fuzzed.safetensors"))
  }
}
