// SPDX-License-Identifier: Apache-2.0
// Every bound that readers obey, with its reason. None can be raised by an option: each is far above real files.

/// A bound that protects memory and time from a stranger's file.
public enum Limit: String, CaseIterable, Hashable, Sendable {
  /// Bytes of a safetensors header: the reference's own limit.
  case safetensorsHeaderBytes
  /// Dimensions of a safetensors tensor: a header of the largest size could hold tens of millions, which take far more
  /// memory than the header itself.
  case safetensorsRank
  /// Entries of a safetensors file's metadata, for the same reason.
  case safetensorsMetadataEntries
  /// Bytes of a `.npy` header: NumPy's own limit, unless it is told otherwise.
  case numpyHeaderBytes
  /// Dimensions of a NumPy array: `NPY_MAXDIMS` of NumPy 2.
  case numpyRank
  /// Entries of a zip archive: far above any checkpoint's tensors, below what a directory of 4 GB could name.
  case zipEntries
  /// Bytes of a zip archive's central directory.
  case zipDirectoryBytes
  /// Bytes that a deflated member decodes to where it is kept in memory: a pickle, or a text. Torch and we deflate neither.
  case zipDecodedBytes
  /// Bytes of an `.ingot` file's index, and of its tail.
  case ingotIndexBytes
  /// Values in the metadata of an `.ingot` file: the largest tokenizers have 1.4 million.
  case ingotMetadataValues
  /// Depth of nested values in the metadata of an `.ingot` file.
  case ingotMetadataDepth
  /// Bytes of a sorted table, such as the index of a TensorFlow bundle.
  case sortedTableBytes
  /// Bytes of one block of a sorted table, decoded. Writers end a block at 4 KiB or 256 KiB.
  case sortedTableBlockBytes
  /// Bytes of a key in a sorted table.
  case sortedTableKeyBytes
  /// Bytes of a TensorFlow bundle's strings that are read as metadata, with 64 for each string; what is beyond is named
  /// in a finding. A graph of objects has a few megabytes at the most.
  case tensorflowStringBytes
  /// Bytes of a GGUF file's header: the largest tokenizers take some twenty million.
  case ggufHeaderBytes
  /// Entries of a GGUF file's metadata: files have some fifty.
  case ggufMetadataEntries
  /// Depth of nested arrays in a GGUF file's metadata: no known file nests them at all.
  case ggufArrayDepth
  /// Layers of a llama2.c file of version 2, in which each has ranges of its own: as many as a config may say.
  case llama2cLayers
  /// Bytes of what a CTranslate2 file says of its variables: those of real models have a few hundred kilobytes.
  case ctranslate2HeaderBytes
  /// Depth of nested JSON values: that of `serde_json`, with which the safetensors reference reads.
  case jsonDepth
  /// Values of a JSON document that is read whole: a config, a shard index, what stands in a member of ours.
  case jsonValues
  /// Values of a tokenizer's JSON document: those of half a million tokens have two million.
  case tokenizerValues
  /// Bytes of text that a tokenizer can cut nowhere, and so keeps before it.
  case tokenizerPieceBytes
  /// Bytes of one pickle: far above the description of a million tensors.
  case pickleBytes
  /// Bytes that a deflated pickle decodes to, for one of its own, beyond 1 MiB: those of real models reach 30.
  case pickleExpansion
  /// Objects that one pickle builds, and their places in containers.
  case pickleObjects
  /// Globals that one pickle names; real ones name a few dozen.
  case pickleGlobals
  /// Objects on the stack of a pickle; Python's own writer puts at most a few thousand there, but for huge tuples.
  case pickleStack
  /// Depth of nested containers in a PyTorch checkpoint.
  case pytorchDepth
  /// Bytes that the values of a PyTorch checkpoint take that are no tensors, beside one for each byte of its pickle.
  case pytorchMetadataBytes
  /// Bytes of a JSON companion such as a config or a shard index.
  case companionBytes
  /// Bytes of a file beside weights that travels along whatever it holds.
  case travellingBytes
  /// Bytes of all such files.
  case companionTotalBytes
  /// Files and folders beside weights that are looked at.
  case companionFiles
  /// Depth of folders beside weights, and in a companion's name.
  case companionDepth
  /// Files of a sharded checkpoint.
  case shards
  /// Files and folders of an archive that holds a checkpoint.
  case archiveEntries
  /// Archives and compressed files around a file that `inspect --security` looks into.
  case archiveDepth
  /// Bytes that an archive decodes to, for one of its own, beyond 64 MiB: deflate reaches 1,000, weights hardly 2.
  case archiveExpansion
  /// Bytes of a scratch file for a source that can only be read in order.
  case scratchBytes
  /// Bytes of one document of a corpus, and of its line: the longest books have some eight million.
  case corpusDocumentBytes
  /// Documents of a corpus, which tables number with 32 bits.
  case corpusDocuments

  /// The bound itself.
  public var value: UInt64 {
    switch self {
    case .safetensorsHeaderBytes: 100_000_000
    case .safetensorsRank: 256
    case .safetensorsMetadataEntries: 100_000
    case .numpyHeaderBytes: 10_000
    case .numpyRank: 64
    case .zipEntries: 4_000_000
    case .zipDirectoryBytes: 512 << 20
    case .zipDecodedBytes: 16 << 20
    case .ingotIndexBytes: 512 << 20
    case .ingotMetadataValues: 2_000_000
    case .ingotMetadataDepth: 64
    case .sortedTableBytes: 512 << 20
    case .sortedTableBlockBytes: 64 << 20
    case .sortedTableKeyBytes: 65_536
    case .tensorflowStringBytes: 16 << 20
    case .ggufHeaderBytes: 512 << 20
    case .ggufMetadataEntries: 100_000
    case .ggufArrayDepth: 16
    case .llama2cLayers: 10_000
    case .ctranslate2HeaderBytes: 64 << 20
    case .jsonDepth: 127
    case .jsonValues: 500_000
    case .tokenizerValues: 4_000_000
    case .tokenizerPieceBytes: 16 << 20
    case .pickleBytes: 512 << 20
    case .pickleExpansion: 64
    case .pickleObjects: 1 << 24
    case .pickleGlobals: 10_000
    case .pickleStack: 1 << 20
    case .pytorchDepth: 64
    case .pytorchMetadataBytes: 40 << 20
    case .companionBytes: 256 << 20
    case .travellingBytes: 64 << 20
    case .companionTotalBytes: 256 << 20
    case .companionFiles: 10_000
    case .companionDepth: 16
    case .shards: 100_000
    case .archiveEntries: 1_000_000
    case .archiveDepth: 8
    case .archiveExpansion: 100
    case .scratchBytes: 1 << 44
    case .corpusDocumentBytes: 16 << 20
    case .corpusDocuments: 4_000_000_000
    }
  }
}
