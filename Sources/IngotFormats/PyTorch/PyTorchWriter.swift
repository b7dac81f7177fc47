// SPDX-License-Identifier: Apache-2.0
// Plans PyTorch checkpoints in the zip form that torch.load(weights_only=True) reads: one dictionary of tensors by name.
// Page: formats/pytorch.md, "What is written".
import IngotBytes
import IngotCore
import IngotEncodings

/// Plans PyTorch checkpoints: one file, a set of shards, or the files of a model that is cut for several processors.
package struct PyTorchWriter: CheckpointWriter {
  /// Makes the writer.
  package init() {}

  /// Tied tensors share a storage.
  package let keepsAliases = true
  /// A dictionary of tensors has no place for a config.
  package let holdsCompanions = false
  /// Sets of files have an index.
  package let shards = true
  /// Meta's files of several processors are PyTorch's.
  package let abilities: Set<WriteAbility> = [.cuttingForProcessors]

  /// Plans one file, a set of shards with an index, or the files of several processors.
  ///
  /// - Parameter request: what to write; tensors keep their order.
  /// - Returns: the plan; it needs the CRC-32 of each storage, and does not stream.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for dtypes that torch lacks, and for two
  ///   tensors of one name.
  package func plan(_ request: WriteRequest) throws(IngotError) -> WritePlan {
    let parallel = request.parallelFiles
    let aliases =
      parallel.isEmpty
      ? IngotFileAliases(request.tensors) : IngotFileAliases(request.tensors, files: parallel)
    try Self.check(request)
    let groups = try Self.groups(of: request, aliases: aliases)
    let names = Self.names(of: request, groupCount: groups.count)
    let hasIndex = parallel.isEmpty && groups.count > 1
    let isTraining = groups.count == 1 && PyTorchTraining.isWanted(request)
    let losses = aliases.losses + Self.metadataLosses(of: request, isTraining: isTraining)
    var files: [PlannedFile] = []
    var layouts: [ZipLayout] = []
    var map: [(tensor: String, file: String)] = []
    var totalByteCount = 0
    for (index, group) in groups.enumerated() {
      var archive = PyTorchArchiveDraft(request, aliases: aliases, group: group, isTraining: isTraining)
      layouts.append(try archive.layout().finished())
      files.append(PlannedFile(name: names[index], chunks: layouts[index].chunks))
      if hasIndex { archive.forEachName { map.append(($0, names[index])) } }
      totalByteCount += archive.storedByteCount
    }
    if hasIndex {
      let index = request.indexFileName
      files.append(
        try ShardIndex.file(named: index, map: map, totalByteCount: totalByteCount, target: "pytorch"))
    }
    let finished = layouts
    return WritePlan(
      files: files, losses: losses, digests: [.crc32], streams: false,
      tailByteCount: layouts.reduce(0) { $0 + $1.directoryByteCountLimit }
    ) { (written, patch) throws(IngotError) in
      var rest = written[...]
      for (index, layout) in finished.enumerated() {
        try layout.patch(behind: &rest, file: index, patch)
      }
    }
  }

  /// What a dictionary of tensors has no place for.
  private static func metadataLosses(of request: WriteRequest, isTraining: Bool) -> [Loss] {
    var losses: [Loss] = []
    let keys = Set(request.metadata.entries.map { ExactName($0.key) })
    let names = Set(request.tensors.lazy.map { ExactName($0.name) }.filter { keys.contains($0) })
    for entry in request.metadata.entries
    where entry.key != QuantizedParts.metadataKey
      && !(isTraining && entry.key == PyTorchTraining.argumentsKey)
    {
      // What is called as a tensor is what hangs on it.
      let isTensor = names.contains(ExactName(entry.key))
      let what: Evidence = isTensor ? "attributes of \(entry.key)" : "\(entry.key)"
      losses.append(Loss(.metadata, detail: "\(what): a PyTorch file of weights holds tensors only"))
    }
    if request.isNested, request.sourceFormat == "pytorch", !isTraining {
      losses.append(
        Loss(
          .metadata,
          detail: "the tensors become one dictionary: keys joined by dots, positions and numbers as text"))
    }
    return losses
  }

  /// The names of the files of weights.
  private static func names(of request: WriteRequest, groupCount: Int) -> [String] {
    guard request.parallelFiles.isEmpty else { return request.parallelFiles.map(\.name) }
    guard groupCount > 1 else { return [request.fileName] }
    return (1...groupCount).map { WeightFileName.shard($0, of: groupCount, named: request.fileName) }
  }

  /// Refuses what a file can't hold before anything is planned.
  private static func check(_ request: WriteRequest) throws(IngotError) {
    guard request.parallelFiles.isEmpty else {
      for file in request.parallelFiles {
        try check(request.tensors[file.tensors], isOneFile: true)
      }
      return
    }
    try check(request.tensors[...], isOneFile: request.shardByteLimit == nil)
  }

  /// Refuses what files of these tensors can't hold.
  private static func check(
    _ tensors: ArraySlice<PlannedTensor>, isOneFile: Bool
  ) throws(IngotError) {
    var names = Set<ExactName>()
    var itemCount = 0
    for tensor in tensors {
      for part in tensor.parts {
        let name = tensor.name + part.kind.nameSuffix
        guard part.shape.rank <= PyTorchTensors.rankLimit else {
          throw .unrepresentable(
            tensor: name, target: "pytorch",
            why: "\(part.shape.rank, "dimension"), over \(PyTorchTensors.rankLimit)", hint: nil)
        }
        itemCount += Self.itemCount(of: part.shape)
        guard PyTorchGlobals.name(of: part.dtype) != nil else {
          throw .unrepresentable(
            tensor: name, target: "pytorch", why: "torch has no \(part.dtype)",
            hint: .remedy(part.dtype.wayOut))
        }
        guard names.insert(ExactName(name)).inserted else {
          throw .unrepresentable(
            tensor: name, target: "pytorch", why: "two tensors have this name", hint: nil)
        }
      }
    }
    if isOneFile {
      try Limit.pickleObjects.admit(
        itemCount, "items in its pickle", target: "pytorch",
        hint: .remedy(.cutOutput))
    }
  }

  /// What a tensor's description puts into containers: the dictionary's entry, the storage's id, the arguments, the lists.
  private static func itemCount(of shape: Shape) -> Int { 2 + 5 + 7 + 2 * shape.rank }

  /// Cuts the tensors into files; an alias goes with the tensor whose storage it shares.
  private static func groups(
    of request: WriteRequest, aliases: IngotFileAliases
  ) throws(IngotError) -> [[Int]] {
    guard request.parallelFiles.isEmpty else { return request.parallelFiles.map { Array($0.tensors) } }
    var byteCounts: [Int] = []
    for (index, tensor) in request.tensors.enumerated() {
      var byteCount = 0
      if aliases.targets[index] == nil {
        for part in tensor.parts { byteCount += try part.byteCount() }
      }
      byteCounts.append(byteCount)
    }
    let cut = ShardCut.groups(of: byteCounts, limit: request.shardByteLimit)
    guard cut.count > 1 else { return [Array(request.tensors.indices)] }
    var groupOfTensor = [Int](repeating: 0, count: request.tensors.count)
    for (group, indexes) in cut.enumerated() {
      for index in indexes { groupOfTensor[index] = group }
    }
    var groups = [[Int]](repeating: [], count: cut.count)
    for index in request.tensors.indices {
      groups[groupOfTensor[aliases.targets[index] ?? index]].append(index)
    }
    return groups.filter { !$0.isEmpty }
  }
}

/// One archive while it is being planned.
private struct PyTorchArchiveDraft {
  private static let folder = "archive/"
  /// Entries of a dictionary that are on a reader's stack at a time, as in what Python writes.
  private static let batchCount = 1000

  private let request: WriteRequest
  private let aliases: IngotFileAliases
  private let group: [Int]
  private let isTraining: Bool
  /// Bytes of all storages.
  private(set) var storedByteCount = 0
  private var pickle = PickleWriter()
  /// The parts that have storages, in the order of the tensors: a storage's key is its place.
  private var stored: [PartReference] = []

  init(_ request: WriteRequest, aliases: IngotFileAliases, group: [Int], isTraining: Bool) {
    self.request = request
    self.aliases = aliases
    self.group = group
    self.isTraining = isTraining
  }

  /// Hands over the tensors' names, parts of quantized ones included.
  func forEachName(_ body: (String) -> Void) {
    for index in group {
      for part in request.tensors[index].parts { body(request.tensors[index].name + part.kind.nameSuffix) }
    }
  }

  /// The key of a part's storage.
  private func key(of reference: PartReference) -> String {
    String(
      stored.indices.partitioningIndex {
        (stored[$0].tensor, stored[$0].part) >= (reference.tensor, reference.part)
      })
  }

  /// Lays out the archive in torch's order: the pickle, the byte order, the storages, the version.
  mutating func layout() throws(IngotError) -> ZipLayout {
    writePickle()
    try Limit.pickleBytes.admit(
      pickle.bytes.count, "bytes of pickle", target: "pytorch",
      hint: .remedy(.cutOutput))
    var layout = ZipLayout(for: "pytorch", padding: .torch, memberCount: stored.count + 4)
    try layout.add(Self.folder + PyTorchArchive.pickleName, content: pickle.bytes)
    try layout.add(Self.folder + "byteorder", content: Array("little".utf8))
    for (key, reference) in stored.enumerated() {
      let byteCount = try request.tensors[reference.tensor].parts[reference.part].byteCount()
      storedByteCount += byteCount
      try layout.add(Self.folder + "data/\(key)", reference, byteCount: byteCount)
    }
    try layout.add(Self.folder + "version", content: Array("3\n".utf8))
    if case .string(let schemes)? = QuantizedParts.metadata(of: group.map { request.tensors[$0] }) {
      try layout.add(Self.folder + PyTorchArchive.quantizationName, content: Array(schemes.utf8))
    }
    return layout
  }

  /// A dictionary from names to tensors.
  private mutating func writePickle() {
    pickle.reserve(group.reduce(4096) { $0 + request.tensors[$1].name.utf8.count + 160 })
    // Keys first: an alias may stand before the tensor whose storage it shares.
    stored.reserveCapacity(group.count)
    for index in group where aliases.targets[index] == nil {
      for part in request.tensors[index].parts.indices {
        stored.append(PartReference(tensor: index, part: part))
      }
    }
    var writer = pickle
    pickle = PickleWriter()  // So that its bytes are not copied.
    let writeTensors = { [self] (writer: inout PickleWriter) in
      for (number, index) in group.enumerated() {
        if number > 0, number.isMultiple(of: Self.batchCount) { writer.continueDictionary() }
        for (position, part) in request.tensors[index].parts.enumerated() {
          let name = request.tensors[index].name + part.kind.nameSuffix
          writer.text(isTraining ? String(name.dropFirst(PyTorchTraining.prefix.count)) : name)
          let reference = PartReference(tensor: aliases.targets[index] ?? index, part: position)
          writer.tensor(part, storage: key(of: reference))
        }
      }
    }
    writer.dictionary { writer in
      guard isTraining else { return writeTensors(&writer) }
      writer.text("model")
      writer.dictionary(writeTensors)
      writer.text(PyTorchTraining.argumentsKey)
      writer.value(request.metadata[PyTorchTraining.argumentsKey] ?? .null)
    }
    writer.stop()
    pickle = writer
  }
}

/// Training checkpoints: the tensors are in a dictionary `model`, and the model's arguments beside it.
enum PyTorchTraining {
  /// What stands before the names of the tensors, as a reader joins them.
  static let prefix = "model."
  /// The key of the arguments.
  static let argumentsKey = "model_args"

  /// Whether what is to be written is one: it has arguments, and all names begin alike.
  static func isWanted(_ request: WriteRequest) -> Bool {
    guard case .object? = request.metadata[argumentsKey] else { return false }
    return request.tensors.allSatisfy { $0.name.hasPrefix(prefix) }
  }
}

extension PickleWriter {
  /// Writes a value of metadata; what a pickle of plain values lacks becomes `None`.
  fileprivate mutating func value(_ value: MetadataValue) {
    if let integer = value.integer { return self.integer(integer) }
    switch value {
    case .bool(let flag): boolean(flag)
    case .float32(let number): real(Double(number))
    case .float64(let number): real(number)
    case .string(let words): text(words)
    case .object(let metadata):
      dictionary { writer in
        for entry in metadata.entries {
          writer.text(entry.key)
          writer.value(entry.value)
        }
      }
    default: none()
    }
  }

  /// Writes the call that rebuilds a tensor from a storage of its own.
  ///
  /// Dtypes without a class of storages are in storages of bytes, and named in the call.
  fileprivate mutating func tensor(_ part: PartType, storage key: String) {
    let storageClass = PyTorchGlobals.storageClass(of: part.dtype)
    let elementCount = part.shape.elementCount
    global("torch._utils", storageClass == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    tuple { writer in
      writer.tuple { id in
        id.text("storage", isRepeated: true)
        if let storageClass {
          id.global("torch", storageClass + "Storage")
        } else {
          id.global("torch.storage", "UntypedStorage")
        }
        id.text(key)
        id.text("cpu", isRepeated: true)
        id.integer(storageClass == nil ? elementCount * (part.dtype.byteWidth ?? 1) : elementCount)
      }
      writer.persistent()
      writer.integer(0)
      writer.tuple(of: part.shape.dimensions)
      writer.tuple(of: part.shape.contiguousStrides)
      writer.boolean(false)
      writer.global("collections", "OrderedDict")
      writer.tuple(of: [])
      writer.reduce()
      if storageClass == nil { writer.global("torch", PyTorchGlobals.name(of: part.dtype) ?? "") }
    }
    reduce()
  }
}

extension Shape {
  /// Elements between neighbours along each dimension of a tensor in C order; of an empty one as torch counts them.
  var contiguousStrides: [Int] {
    var stride = 1
    var strides: [Int] = []
    for size in dimensions.reversed() {
      strides.append(stride)
      stride = stride.multipliedReportingOverflow(by: max(size, 1)).partialValue
    }
    return strides.reversed()
  }
}
