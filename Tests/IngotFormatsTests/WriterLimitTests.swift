// SPDX-License-Identifier: Apache-2.0
// What a writer can write, its reader reads: the table of limits, each with an output that is over it, or the reason why no
// writer of ours reaches it.
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct WriterLimitTests {
  /// How a limit binds a writer.
  private enum Bound {
    /// Plans that are refused.
    case refused([(writer: any CheckpointWriter, request: WriteRequest)])
    /// What is over it is left out, with a loss.
    case leftOut(any CheckpointWriter, WriteRequest)
    /// Nothing that is written is bound by it.
    case free(String)
    /// Checked where the bytes are counted; an output of that size is too large for a test.
    case large
  }

  private static func request(_ tensors: [PlannedTensor], metadata: [Metadata.Entry] = []) -> WriteRequest {
    WriteRequest(tensors: tensors, metadata: Metadata(metadata), fileName: "out")
  }

  private static func tensor(_ name: String = "a", rank: Int = 1) throws -> PlannedTensor {
    PlannedTensor(
      name: name, TensorType(dtype: .u8, shape: try #require(Shape([Int](repeating: 1, count: rank)))))
  }

  /// A llama2.c model of width 2 with one head and one token, whose matrices are runs of 2.
  private static func integers(layers: Int) throws -> WriteRequest {
    func tensor(_ name: String, _ dimensions: [Int], isMatrix: Bool) throws -> PlannedTensor {
      let shape = try #require(Shape(dimensions))
      guard isMatrix else { return PlannedTensor(name: name, TensorType(dtype: .f32, shape: shape)) }
      let scheme = Quantization(granularity: .perRun(2))
      let scales = try PartType(kind: .scales, dtype: .f32, shape: #require(scheme.scaleShape(of: shape)))
      return PlannedTensor(
        name: name,
        TensorType(dtype: .i8, shape: shape, quantization: QuantizedType(scheme: scheme, parts: [scales])))
    }
    var tensors = [
      try tensor("token_embedding_table", [1, 2], isMatrix: true),
      try tensor("rms_final_weight", [2], isMatrix: false),
    ]
    for name in ["rms_att_weight", "rms_ffn_weight"] {
      tensors.append(try tensor(name, [layers, 2], isMatrix: false))
    }
    for name in ["wq", "wk", "wv", "wo", "w1", "w2", "w3"] {
      tensors.append(try tensor(name, [layers, 2, 2], isMatrix: true))
    }
    return request(
      tensors,
      metadata: [
        .init(key: "llama2c.n_heads", value: .int32(1)), .init(key: "llama2c.seq_len", value: .int32(1)),
      ])
  }

  private static func text(_ count: Int) -> [Metadata.Entry] {
    (0..<count).map { .init(key: "key\($0)", value: .string("")) }
  }

  /// A value in arrays in arrays.
  private static func nested(_ depth: Int) -> MetadataValue {
    (0..<depth).reduce(.int32(1)) { value, _ in .array([value]) }
  }

  private static func bound(of limit: Limit) throws -> Bound {
    let over = Int(clamping: limit.value) &+ 1
    switch limit {
    case .safetensorsRank: return .refused([(SafetensorsWriter(), request([try tensor(rank: over)]))])
    case .numpyRank:
      return .refused([
        (NumPyArrayWriter(), request([try tensor(rank: over)])),
        (NumPyArchiveWriter(), request([try tensor(), try tensor("b", rank: over)])),
        (PyTorchWriter(), request([try tensor(rank: over)])),
      ])
    case .safetensorsMetadataEntries:
      return .refused([(SafetensorsWriter(), request([try tensor()], metadata: text(over)))])
    case .ggufMetadataEntries:
      return .refused([(GGUFWriter(), request([], metadata: text(over)))])
    case .ingotMetadataDepth:
      return .refused([(IngotFileWriter(), request([], metadata: [.init(key: "deep", value: nested(over))]))])
    case .ingotMetadataValues:
      let values = MetadataValue.array([MetadataValue](repeating: .null, count: over))
      return .refused([(IngotFileWriter(), request([], metadata: [.init(key: "many", value: values)]))])
    case .ggufArrayDepth:
      return .leftOut(GGUFWriter(), request([], metadata: [.init(key: "deep", value: nested(over))]))
    case .tensorflowStringBytes:
      let text = MetadataValue.string(String(repeating: "x", count: over))
      return .leftOut(
        TensorFlowWriter(), request([try tensor()], metadata: [.init(key: "long", value: text)]))
    case .sortedTableKeyBytes:
      return .refused([
        (TensorFlowWriter(), request([try tensor(String(repeating: "x", count: over))]))
      ])
    case .jsonValues:
      var request = request([try tensor()], metadata: text(over))
      request.keepsUnknownBits = true
      return .refused([(NumPyArchiveWriter(), request)])
    case .shards:
      var request = request(try (0..<over).map { try tensor("t\($0)") })
      request.shardByteLimit = 1
      return .refused([
        (SafetensorsWriter(), request), (TensorFlowWriter(), request), (GGUFWriter(), request),
      ])
    case .safetensorsHeaderBytes, .zipEntries, .zipDirectoryBytes, .ingotIndexBytes, .sortedTableBytes,
      .ggufHeaderBytes, .ctranslate2HeaderBytes, .pickleBytes, .pickleObjects, .companionBytes:
      return .large
    case .numpyHeaderBytes: return .free("64 dimensions of 19 digits take 1,400")
    case .zipDecodedBytes: return .free("neither pickles nor texts are deflated")
    case .sortedTableBlockBytes: return .free("a block ends at 4 KiB, or behind one entry")
    case .jsonDepth:
      return .free("metadata that is nested deeper was never read from JSON, nor is written as it")
    case .tokenizerPieceBytes: return .free("text is cut by tokenizers, and never written")
    case .tokenizerValues: return .free("tokens were read from such a document, or from a file with fewer")
    case .pickleStack: return .free("entries go into their dictionary a thousand at a time")
    case .llama2cLayers: return .refused([(Llama2CWriter(), try integers(layers: over))])
    case .pickleGlobals: return .free("one a dtype")
    case .pytorchDepth, .pytorchMetadataBytes, .pickleExpansion:
      return .free("tensors only, and arguments that were read from a pickle")
    case .travellingBytes, .companionTotalBytes, .companionFiles, .companionDepth:
      return .free("only what was read within them travels")
    case .archiveEntries, .archiveDepth, .archiveExpansion, .scratchBytes:
      return .free("no archives are written")
    case .corpusDocumentBytes, .corpusDocuments: return .free("no checkpoint's")
    }
  }

  @Test(arguments: Limit.allCases)
  func `no writer goes over a limit of its reader`(_ limit: Limit) throws {
    switch try Self.bound(of: limit) {
    case .refused(let outputs):
      for (writer, request) in outputs {
        do {
          _ = try writer.plan(request)
          Issue.record("\(writer) goes over \(limit)")
        } catch {
          guard case .unrepresentable = error else { throw error }
        }
      }
    case .leftOut(let writer, let request):
      #expect(try writer.plan(request).losses.map(\.kind) == [.metadata])
    case .free, .large: break
    }
  }

  @Test func `what is just within the limits is planned`() throws {
    for writer in [SafetensorsWriter(), NumPyArchiveWriter(), PyTorchWriter(), IngotFileWriter()]
      as [any CheckpointWriter]
    {
      _ = try writer.plan(Self.request([try Self.tensor(rank: Int(Limit.numpyRank.value))]))
    }
    _ = try Llama2CWriter().plan(Self.integers(layers: Int(Limit.llama2cLayers.value)))
  }
  /// Each name was looked for among those before it: 13 seconds for 20,000.
  @Test func `many names of one tensor are planned in no time`() throws {
    let count = 30_000
    let stored = try Self.tensor("w")
    let others = (0..<count).map { PlannedTensor(name: "a\($0)", stored.type, aliasOf: "w") }
    let start = ContinuousClock.now
    let plan = try SafetensorsWriter().plan(
      Self.request([stored] + others, metadata: [.init(key: "format", value: .string("pt"))]))
    #expect((ContinuousClock.now - start) / .seconds(1) < 8 * Patience.factor)
    guard case .bytes(let header)? = plan.files.first?.chunks.first else {
      Issue.record("no header")
      return
    }
    let text = String(decoding: header.dropFirst(8), as: UTF8.self)
    #expect(text.hasPrefix(#"{"__metadata__":{"format":"pt","a0":"w","a1":"w","a2":"w","#))
    #expect(text.contains(#""a29999":"w"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#))
  }
}
