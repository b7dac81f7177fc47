// SPDX-License-Identifier: Apache-2.0
// What each limit counts, in words.
import IngotCore

extension Limit {
  /// What is beyond it, `more than 256 dimensions in a tensor`: how many there would be is not known where counting ends.
  package var excess: String { "more than \(value) \(things)" }

  private var things: String {
    switch self {
    case .safetensorsHeaderBytes: "bytes of header"
    case .safetensorsRank, .numpyRank: "dimensions in a tensor"
    case .safetensorsMetadataEntries, .ggufMetadataEntries: "entries of metadata"
    case .numpyHeaderBytes: "bytes of header in an array"
    case .zipEntries: "entries in a zip archive"
    case .zipDirectoryBytes: "bytes of a zip archive's directory"
    case .zipDecodedBytes: "bytes in a deflated member that is kept in memory"
    case .ingotIndexBytes: "bytes of index"
    case .ingotMetadataValues: "values of metadata"
    case .ingotMetadataDepth: "levels of nested metadata"
    case .sortedTableBytes: "bytes in a sorted table"
    case .sortedTableBlockBytes: "bytes in a block of a sorted table"
    case .sortedTableKeyBytes: "bytes in a key of a sorted table"
    case .tensorflowStringBytes: "bytes of strings"
    case .ggufHeaderBytes: "bytes of header"
    case .ggufArrayDepth: "levels of nested arrays"
    case .llama2cLayers: "layers"
    case .ctranslate2HeaderBytes: "bytes that describe variables"
    case .jsonDepth: "levels of nested JSON values"
    case .jsonValues, .tokenizerValues: "values in a JSON document"
    case .tokenizerPieceBytes: "bytes of text that can be cut nowhere"
    case .pickleBytes: "bytes in a pickle"
    case .pickleExpansion: "bytes of a pickle for each that it is stored in"
    case .pickleObjects: "objects in a pickle"
    case .pickleGlobals: "globals in a pickle"
    case .pickleStack: "objects on a pickle's stack"
    case .pytorchDepth: "levels of nested containers"
    case .pytorchMetadataBytes: "bytes of values that are no tensors"
    case .companionBytes: "bytes in a file beside weights"
    case .travellingBytes: "bytes in a file that travels along"
    case .companionTotalBytes: "bytes in files beside weights"
    case .companionFiles: "files and folders beside weights"
    case .companionDepth: "levels of folders beside weights"
    case .shards: "files in a set"
    case .archiveEntries: "files and folders in an archive"
    case .archiveDepth: "archives around one file"
    case .archiveExpansion: "bytes unpacked for each that is packed"
    case .scratchBytes: "bytes to unpack"
    case .corpusDocumentBytes: "bytes in a document"
    case .corpusDocuments: "documents"
    }
  }
}
