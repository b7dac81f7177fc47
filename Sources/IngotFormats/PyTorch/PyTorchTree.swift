// SPDX-License-Identifier: Apache-2.0
// Walks what a checkpoint's pickle built: tensors get the keys that lead to them as a name, with dots between, and what is
// no tensor becomes typed metadata. Page: formats/pytorch.md, "Names".
import IngotCore
import IngotEncodings

/// Walks the object of a checkpoint.
struct PyTorchTree {
  /// The tensors found, in the order of the pickle.
  private(set) var tensors: [TensorDescriptor] = []
  /// Remarks on what was found.
  private(set) var findings: [Finding] = []

  private let pickle: PickleMachine
  private let views: PyTorchTensors
  /// The name of a tensor that is not in a container.
  private let stem: String
  private var path: [String] = []
  private var containers = Set<PickleReference>()
  private var names = Set<ExactName>()
  /// The first tensor of each view, by a hash of the view: few tensors are another's, and many have no alias.
  private var firstOfView: [Int: Int] = [:]
  private var metadataCount: UInt64 = 0
  /// What is left of the work allowed.
  private var budget: Int
  /// What is left of the bytes that tensors may have together.
  private var repeatedByteBudget: Int

  /// Bytes that views may repeat in any file, and how many times over they may repeat large storages.
  static let repeatedBytes = 256 << 20
  static let repetitions = 8
  /// Steps that any tree may take, and steps for each byte of its pickle: enough to walk a shared part several times.
  static let stepsBase = 1 << 16
  static let stepsPerByte = 3
  /// What a tensor and a persistent id count for: a few bytes of memo ask for one, and it takes much more than they do.
  ///
  /// Of real files those of protocol 5 are the densest, with 42 bytes for each tensor that has a storage of its own.
  static let stepsPerTensor = 80

  /// Prepares to walk.
  init(_ views: PyTorchTensors, stem: String) {
    pickle = views.pickle
    self.views = views
    self.stem = stem
    budget = Self.steps(for: views.pickle)
    let (bytes, overflow) = views.storages.byteCount.multipliedReportingOverflow(by: Self.repetitions)
    repeatedByteBudget = overflow ? .max : bytes.addingReportingOverflow(Self.repeatedBytes).partialValue
    if repeatedByteBudget < 0 { repeatedByteBudget = .max }
  }

  /// The steps that a pickle may take.
  static func steps(for pickle: PickleMachine) -> Int { stepsBase + stepsPerByte * pickle.byteCount }

  /// Walks from the root.
  ///
  /// - Returns: what is no tensor.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of the page.
  mutating func walk(_ root: PickleReference) throws(IngotError) -> Metadata {
    switch try value(root) {
    case .object(let metadata)?: return metadata
    case let value?: return Metadata([.init(key: stem, value: value)])
    case nil: return Metadata()
    }
  }

  private func malformed(_ rule: PyTorchRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    var place = pickle.wholePlace
    if !path.isEmpty { place.key = name(limit: 200) }
    return .malformed(rule.rule, at: place, found: found, expected: expected)
  }

  /// The keys so far with dots between.
  private func name(limit: Int = .max) -> String {
    guard !path.isEmpty else { return stem }
    var name = ""
    for (index, key) in path.enumerated() {
      if index > 0 { name += "." }
      name += key
      if name.utf8.count > limit { break }
    }
    return name
  }

  /// Counts steps: shared parts are walked each time, and a few bytes could ask for any number of them.
  private mutating func spend(_ steps: Int) throws(IngotError) {
    budget -= steps
    guard budget >= 0 else {
      throw malformed(
        .work, "a tree whose shared parts, counted each time, outgrow its pickle",
        "at most \(Self.stepsPerByte) steps a byte of it")
    }
  }

  // MARK: - Values

  /// Walks an object; `nil` for a tensor and for containers that held nothing else.
  private mutating func value(_ reference: PickleReference) throws(IngotError) -> MetadataValue? {
    try spend(1)
    if views.isTensor(reference) {
      try add(reference)
      return nil
    }
    switch pickle.heap[reference] {
    case .none: return try leaf(.null)
    case .boolean(let value): return try leaf(.bool(value))
    case .integer(let number): return try leaf(.int64(number))
    case .wideInteger(let bytes): return try leaf(wide(bytes))
    case .real(let number): return try leaf(.float64(number))
    case .text(let text): return try leaf(.string(text))
    case .bytes(let bytes): return try leaf(self.bytes(bytes))
    case .tuple, .list:
      return try inside(reference) { (tree) throws(IngotError) in try tree.sequence(reference) }
    case .set(let items):
      return try inside(reference) { (tree) throws(IngotError) in
        try tree.sequence(tree.pickle.heap.items(of: items))
      }
    case .dictionary(let entries, _):
      return try inside(reference) { (tree) throws(IngotError) in
        try tree.dictionary(tree.pickle.heap.items(of: entries))
      }
    case .global(let index): return try leaf(.string(pickle.globals[index].name))
    case .call(let call): return try result(of: call, reference)
    case .persistent: return nil
    }
  }

  private mutating func leaf(_ value: MetadataValue) throws(IngotError) -> MetadataValue {
    try count(values: 1)
    return value
  }

  private mutating func count(values count: Int) throws(IngotError) {
    metadataCount += UInt64(count)
    guard metadataCount <= Limit.pytorchMetadataValues.value else {
      throw .limitExceeded(.pytorchMetadataValues, at: pickle.wholePlace, asked: metadataCount)
    }
  }

  /// Walks a container, unless it contains itself.
  private mutating func inside(
    _ reference: PickleReference,
    _ body: (inout PyTorchTree) throws(IngotError) -> MetadataValue?
  ) throws(IngotError) -> MetadataValue? {
    guard containers.insert(reference).inserted else {
      throw malformed(.cycle, "a container inside itself", "a tree")
    }
    guard UInt64(containers.count) <= Limit.pytorchDepth.value else {
      throw .limitExceeded(.pytorchDepth, at: pickle.wholePlace, asked: UInt64(containers.count))
    }
    defer { containers.remove(reference) }
    return try body(&self)
  }

  private mutating func sequence(_ reference: PickleReference) throws(IngotError) -> MetadataValue? {
    try sequence(pickle.heap.items(of: reference) ?? [])
  }

  /// Items are called by their position; where a tensor was, `null` keeps the others' places.
  private mutating func sequence(_ items: ArraySlice<PickleReference>) throws(IngotError) -> MetadataValue? {
    var values: [MetadataValue] = []
    values.reserveCapacity(min(items.count, Int(Limit.pytorchMetadataValues.value)))
    var hasValues = items.isEmpty
    for (index, item) in items.enumerated() {
      path.append(String(index))
      let value = try value(item)
      path.removeLast()
      hasValues = hasValues || value != nil
      values.append(value ?? .null)
    }
    return hasValues ? try leaf(.array(values)) : nil
  }

  private mutating func dictionary(
    _ entries: ArraySlice<PickleReference>
  ) throws(IngotError) -> MetadataValue? {
    var keys = Set<ExactName>()
    var values: [Metadata.Entry] = []
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      let key = try key(entries[index])
      try spend(key.utf8.count)
      guard keys.insert(ExactName(key)).inserted else {
        throw malformed(.dictionaryKey, "the key \(key) twice", "once")
      }
      path.append(key)
      if let value = try value(entries[index + 1]) { values.append(.init(key: key, value: value)) }
      path.removeLast()
    }
    // A dictionary of nothing but tensors leaves no trace; one that is empty does.
    return values.isEmpty && !entries.isEmpty ? nil : try leaf(.object(Metadata(values)))
  }

  private func key(_ reference: PickleReference) throws(IngotError) -> String {
    switch pickle.heap[reference] {
    case .text(let text): return text
    case .integer(let number): return String(number)
    default: throw malformed(.dictionaryKey, "a key that is neither text nor an integer", "one that is")
    }
  }

  /// An integer that no number of 64 bits holds.
  private mutating func wide(_ bytes: [UInt8]) -> MetadataValue {
    let digits = bytes.reversed().map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }
    findings.append(
      Finding(
        .shownAs, severity: .note, subject: name(),
        detail: "an integer of \(bytes.count) bytes, kept as hexadecimal text"))
    return .string("0x" + digits.joined())
  }

  private mutating func bytes(_ bytes: [UInt8]) throws(IngotError) -> MetadataValue {
    try spend(bytes.count)
    try count(values: bytes.count)
    return .array(bytes.map { .uint8($0) })
  }

  /// What a call that makes no tensor would give.
  private mutating func result(
    of call: PickleCall, _ reference: PickleReference
  ) throws(IngotError) -> MetadataValue? {
    let arguments = Array(pickle.heap.items(of: call.arguments) ?? [])
    let name = pickle.globalName(call.function) ?? ""
    switch name {
    case "torch.Size", "builtins.set", "builtins.frozenset":
      guard let items = arguments.first else { return try leaf(.array([])) }
      return try inside(reference) { (tree) throws(IngotError) in try tree.sequence(items) }
    case "torch.device":
      return try leaf(.string(arguments.map(word).joined(separator: ":")))
    case "torch.serialization._get_layout":
      return try leaf(.string(arguments.first.flatMap(pickle.heap.text) ?? ""))
    case "_codecs.encode", "builtins.bytes", "builtins.bytearray":
      guard let bytes = encoded(arguments) else { break }
      return try leaf(self.bytes(bytes))
    case "builtins.complex":
      return try inside(reference) { (tree) throws(IngotError) in try tree.sequence(arguments[...]) }
    default: break
    }
    throw .unsupported("a value made by \(name)", at: pickle.wholePlace)
  }

  /// A text or number as a word.
  private func word(_ reference: PickleReference) -> String {
    pickle.heap.text(reference) ?? pickle.heap.integer(reference).map(String.init) ?? ""
  }

  /// Bytes as protocol 2 writes them: text of Latin-1; `nil` for anything else.
  private func encoded(_ arguments: [PickleReference]) -> [UInt8]? {
    guard let first = arguments.first else { return [] }
    switch pickle.heap[first] {
    case .bytes(let bytes): return bytes
    case .text(let text):
      let bytes = text.unicodeScalars.map { UInt8(exactly: $0.value) }
      return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
    case .call(let call) where pickle.globalName(call.function) == "_codecs.encode":
      return encoded(Array(pickle.heap.items(of: call.arguments) ?? []))
    default: return nil
    }
  }

  // MARK: - Tensors

  private mutating func add(_ reference: PickleReference) throws(IngotError) {
    let name = name()
    try spend(name.utf8.count + Self.stepsPerTensor)
    let view = try views.view(reference, name: name)
    guard names.insert(ExactName(name)).inserted else {
      throw malformed(.uniqueName, "a second tensor of this name", "one")
    }
    var tensor = TensorDescriptor(
      name: name, dtype: view.dtype, shape: view.shape, storage: view.storage)
    let first = firstOfView[view.hashValue]
    if let first, view.describes(tensors[first]) {
      tensor.aliasOf = tensors[first].name
    } else {
      if first == nil { firstOfView[view.hashValue] = tensors.count }
      try count(tensor)
    }
    tensors.append(tensor)
  }

  /// Counts a tensor's bytes: views may repeat the bytes of their storages, and some do, but not without end.
  private mutating func count(_ tensor: TensorDescriptor) throws(IngotError) {
    guard tensor.byteCount <= repeatedByteBudget else {
      throw malformed(
        .repeatedBytes,
        "views of more bytes than \(Self.repetitions) times their storages and \(Self.repeatedBytes)",
        "fewer")
    }
    repeatedByteBudget -= tensor.byteCount
  }
}
