// SPDX-License-Identifier: Apache-2.0
// Walks what a checkpoint's pickle built: tensors get the keys that lead to them as a name, with dots between, and what is
// no tensor becomes typed metadata. Page: formats/pytorch.md, "Names".
import IngotCore
import IngotEncodings

/// Walks the object of a checkpoint.
struct PyTorchTree {
  /// The tensors found, in the order of the pickle.
  private(set) var tensors: [TensorDescriptor] = []
  /// The names of tensors that are not selected and can't be read.
  private(set) var unopened: [String] = []
  /// The names of keys that are there twice and not selected.
  var unjudged: [String] = []
  /// Remarks on what was found.
  private(set) var remarks = PyTorchRemarks()

  let pickle: PickleMachine
  private(set) var views: PyTorchTensors
  private let options: ReadOptions
  /// The name of a tensor that is not in a container.
  private let stem: String
  private var path: [String] = []
  /// Whether what holds all else is no dictionary, but a list or tuple.
  private var isInRow = false
  private var containers = Set<PickleReference>()
  /// Objects that are left out, and what is in them: looked through once.
  var searched = Set<PickleReference>()
  var searchDepth = 0
  private var names = Set<ExactName>()
  /// The first tensor of each view, by a hash of the view: few tensors are another's, and many have no alias.
  private var firstOfView: [Int: Int] = [:]
  /// What is left of the work allowed.
  private var budget: Int
  /// What is left of the bytes that metadata may take, and that texts may have, each counted as often as it is met.
  private var metadataBudget: Int
  private var textBudget: Int
  /// What is left of the bytes that tensors may have together.
  private var repeatedByteBudget: Int

  /// Bytes that views may repeat in any file, and how many times over they may repeat large storages.
  static let repeatedBytes = 256 << 20
  static let repetitions = 8
  /// Steps that any tree may take, and steps for each byte of its pickle: enough to walk a shared part several times.
  static let stepsBase = 1 << 16
  static let stepsPerByte = 3
  /// Bytes that texts may have in any tree, and bytes for each byte of the pickle as it is stored: a word that a list
  /// holds many times takes two bytes each time but the first.
  static let textBytes = 1 << 20
  static let textBytesPerByte = 16
  /// What a tensor and a persistent id count for: a few bytes of memo ask for one, and it takes much more than they do.
  ///
  /// Of real files those of protocol 5 are the densest, with 42 bytes for each tensor that has a storage of its own.
  static let stepsPerTensor = 80
  /// Arguments of a call that count for nothing.
  private static let freeArgumentCount = 8
  /// What an item of a list and an entry of a dictionary take in memory.
  private static let itemByteCount = MemoryLayout<MetadataValue>.stride
  private static let entryByteCount = MemoryLayout<Metadata.Entry>.stride

  /// Prepares to walk.
  ///
  /// - Parameters:
  ///   - views: interprets tensors.
  ///   - stem: the name of a tensor that is in no container.
  ///   - storedByteCount: bytes of the pickle in the file.
  ///   - options: which tensors are wanted.
  init(_ views: PyTorchTensors, stem: String, storedByteCount: Int, options: ReadOptions) {
    pickle = views.pickle
    self.views = views
    self.stem = stem
    self.options = options
    // A tensor a storage, as a rule: growing by doubling would take twice that for a moment.
    tensors.reserveCapacity(views.storages.all.count)
    budget = Self.steps(for: views.pickle)
    textBudget = Self.textBytes + Self.textBytesPerByte * storedByteCount
    metadataBudget = Int(Limit.pytorchMetadataBytes.value) + views.pickle.byteCount
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
    switch pickle.heap[root] {
    case .tuple, .list: isInRow = true
    default: break
    }
    let value = try value(root)
    if unopened.isEmpty, let failure = views.storages.all.lazy.compactMap(\.failure).first { throw failure }
    switch value {
    case .object(let metadata)?: return metadata
    case let value?: return Metadata([.init(key: stem, value: value)])
    case nil: return Metadata()
    }
  }

  func malformed(_ rule: PyTorchRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    var place = pickle.wholePlace
    if !path.isEmpty { place.key = name(limit: 200) }
    return .malformed(rule.rule, at: place, found: found, expected: expected)
  }

  /// Throws for what is ambiguous, where it is wanted.
  func passOver(
    _ name: String, _ rule: PyTorchRule, _ found: Evidence, _ expected: Evidence
  ) throws(IngotError) {
    try options.passOver(
      name,
      malformed(
        rule, found, "\(expected); \(option: .include) of others, or \(option: .exclude), leaves it out"))
  }

  /// The keys so far with dots between; with a limit about as many bytes of them.
  func name(limit: Int = .max) -> String {
    guard !path.isEmpty else { return stem }
    var name = ""
    for (index, key) in path.enumerated() {
      if index > 0 { name += "." }
      let room = limit - name.utf8.count
      guard key.utf8.count > room else {
        name += key
        continue
      }
      // Each of many remarks would have a long key of its own.
      return name + String(key.unicodeScalars.prefix(room + 1))
    }
    return name
  }

  /// Notes that something was met here.
  mutating func remark(_ topic: PyTorchRemarks.Topic) {
    guard !remarks.add(topic) else { return }
    remarks.start(topic, at: name(limit: 200))
  }

  /// Counts steps: shared parts are walked each time, and a few bytes could ask for any number of them.
  mutating func spend(_ steps: Int) throws(IngotError) {
    budget -= steps
    guard budget >= 0 else {
      throw malformed(
        .work, "a tree whose shared parts, counted each time, outgrow its pickle",
        "at most \(Self.stepsPerByte) steps a byte of it")
    }
  }

  /// Counts the arguments of a call, as far as it has more than functions that are known take: each look at it may go
  /// through them.
  mutating func spend(argumentsOf reference: PickleReference) throws(IngotError) {
    guard case .call(let call) = pickle.heap[reference],
      let count = pickle.heap.items(of: call.arguments)?.count, count > Self.freeArgumentCount
    else { return }
    try spend(count - Self.freeArgumentCount)
  }

  /// Texts joined, refused before they are where they are more than texts may have; they are not counted here.
  func joined(
    _ words: ArraySlice<PickleReference>, by separator: String, behind start: String = ""
  ) throws(IngotError) -> String {
    var rest = textBudget
    // The words are shared, and what is joined is not.
    for reference in words { _ = try text(word(reference) + separator, &rest) }
    return start + words.lazy.map(word).joined(separator: separator)
  }

  /// A path, as it is written.
  func path(_ parts: PickledArguments) throws(IngotError) -> String {
    guard let first = parts.first.map(word) else { return "." }
    // The first part of an absolute path is its root.
    let isRooted = first.utf8.last == UInt8(ascii: "/")
    return try joined(parts.slice.dropFirst(isRooted ? 1 : 0), by: "/", behind: isRooted ? first : "")
  }

  /// The plain value of an object, and what it takes to tell it counted.
  mutating func form(
    _ made: PickledValue, of reference: PickleReference
  ) throws(IngotError) -> PickledValue.Form? {
    try spend(made.stepCount(in: pickle))
    return made.form(of: reference, in: pickle)
  }

  /// A text, counted each time it is met: a few bytes could ask for any number of long ones.
  func text(_ text: String, _ budget: inout Int) throws(IngotError) -> MetadataValue {
    budget -= text.utf8.count
    guard budget >= 0 else {
      throw malformed(
        .work, "texts that, counted each time they are met, outgrow their pickle",
        "at most \(Self.textBytesPerByte) bytes a byte of it")
    }
    return .string(text)
  }

  /// Counts what values take in memory.
  private mutating func take(bytes: Int) throws(IngotError) {
    metadataBudget -= bytes
    guard metadataBudget >= 0 else {
      let allowed = Limit.pytorchMetadataBytes.value + UInt64(pickle.byteCount)
      throw .limitExceeded(
        .pytorchMetadataBytes, at: pickle.wholePlace, asked: allowed + UInt64(-metadataBudget))
    }
  }

  /// Works on what stands below a key.
  mutating func below<Result>(
    _ key: String, _ body: (inout PyTorchTree) throws(IngotError) -> Result
  ) throws(IngotError) -> Result {
    path.append(key)
    defer { path.removeLast() }
    return try body(&self)
  }

  // MARK: - Values

  /// Walks an object; `nil` for a tensor, for what is left out, and for containers that held nothing else.
  mutating func value(_ reference: PickleReference) throws(IngotError) -> MetadataValue? {
    try spend(1)
    try spend(argumentsOf: reference)
    if views.isTensor(reference) { return try add(reference) }
    switch pickle.heap[reference] {
    case .none: return .null
    case .boolean(let value): return .bool(value)
    case .integer(let number): return .int64(number)
    case .wideInteger(let bytes):
      remark(.wideInteger)
      return try text(PickleLiteral.hexadecimal(bytes), &textBudget)
    case .real(let number): return .float64(number)
    case .text(let words): return try text(words, &textBudget)
    case .bytes(let bytes): return try self.bytes(bytes)
    case .tuple(let items), .list(let items), .set(let items):
      return try sequence(pickle.heap.items(of: items), of: reference)
    case .dictionary(let entries, _):
      return try dictionary(pickle.heap.items(of: entries), of: reference)
    case .global(let index):
      let name = pickle.globals[index].name
      if pickle.role(ofGlobal: index) == nil { remark(.named(name)) }
      return try text(name, &textBudget)
    case .call(let call): return try result(of: PickledValue(call, in: pickle), reference)
    case .persistent:
      try leaveOut("a persistent object", reference)
      return nil
    }
  }

  /// Walks a container, unless it contains itself.
  private mutating func inside<Result>(
    _ reference: PickleReference, _ body: (inout PyTorchTree) throws(IngotError) -> Result
  ) throws(IngotError) -> Result {
    guard containers.insert(reference).inserted else {
      throw malformed(.cycle, "a container inside itself", "a tree")
    }
    guard UInt64(containers.count) <= Limit.pytorchDepth.value else {
      throw .limitExceeded(.pytorchDepth, at: pickle.wholePlace, asked: UInt64(containers.count))
    }
    defer { containers.remove(reference) }
    return try body(&self)
  }

  /// Items are called by their position; where a tensor was, `null` keeps the others' places.
  private mutating func sequence(
    _ items: ArraySlice<PickleReference>, of reference: PickleReference
  ) throws(IngotError) -> MetadataValue? {
    if let packed = try packed(items) { return packed }
    return try inside(reference) { (tree) throws(IngotError) in
      try tree.take(bytes: items.count * Self.itemByteCount)
      var values: [MetadataValue] = []
      values.reserveCapacity(items.count)
      var hasValues = items.isEmpty
      for (index, item) in items.enumerated() {
        let value = try tree.below(String(index)) { (tree) throws(IngotError) in try tree.value(item) }
        hasValues = hasValues || value != nil
        values.append(value ?? .null)
      }
      return hasValues ? .array(values) : nil
    }
  }

  /// Long lists of numbers or texts alone are packed: an epoch's order has millions of them.
  private mutating func packed(_ items: ArraySlice<PickleReference>) throws(IngotError) -> MetadataValue? {
    guard items.count >= Self.packedCount, let first = items.first else { return nil }
    let heap = pickle.heap
    var packer = MetadataPacker()
    try spend(items.count)
    switch heap[first] {
    case .integer:
      for item in items {
        guard let number = heap.integer(item) else { return nil }
        packer.put(number)
      }
    case .real:
      for item in items {
        guard case .real(let number) = heap[item] else { return nil }
        packer.put(number.bitPattern)
      }
    case .text:
      for item in items {
        guard let words = heap.text(item) else { return nil }
        _ = try text(words, &textBudget)
        packer.put(words)
      }
    default: return nil
    }
    try take(bytes: packer.bytes.count)
    let type: MetadataType =
      switch heap[first] {
      case .integer: .int64
      case .real: .float64
      default: .string
      }
    return .typedArray(MetadataArray(checked: packer.bytes, of: type, count: items.count))
  }

  private static let packedCount = 64

  private mutating func bytes(_ bytes: [UInt8]) throws(IngotError) -> MetadataValue {
    try spend(bytes.count)
    try take(bytes: bytes.count)
    return .typedArray(MetadataArray(checked: bytes, of: .uint8, count: bytes.count))
  }

  /// A dictionary, with the attributes that Python code gave to it as if they were entries.
  private mutating func dictionary(
    _ entries: ArraySlice<PickleReference>, of reference: PickleReference, states: [PickleReference]? = nil
  ) throws(IngotError) -> MetadataValue? {
    try inside(reference) { (tree) throws(IngotError) in
      var keys = PyTorchKeys()
      var values: [Metadata.Entry] = []
      var isEmpty = entries.isEmpty
      try tree.add(entries, &keys, to: &values)
      try tree.forEachAttributes(of: states ?? tree.pickle.states(of: reference)) {
        (tree, entries) throws(IngotError) in
        isEmpty = isEmpty && states == nil
        try tree.add(entries, &keys, to: &values)
      }
      // A dictionary of nothing but tensors leaves no trace; one that is empty does.
      return values.isEmpty && !isEmpty ? nil : .object(Metadata(values))
    }
  }

  /// Walks entries of a dictionary.
  private mutating func add(
    _ entries: ArraySlice<PickleReference>, _ keys: inout PyTorchKeys, to values: inout [Metadata.Entry]
  ) throws(IngotError) {
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      let (key, entry) = try key(entries[index], among: &keys)
      if pickle.heap.kind(of: entries[index + 1]) != .call { try take(bytes: Self.entryByteCount) }
      let isNumbered = containers.count == 1 && pickle.heap.integer(entries[index]) != nil
      let value = try below(key) { (tree) throws(IngotError) in
        if isNumbered, tree.views.isTensor(entries[index + 1]) { tree.remark(.numbered) }
        return try tree.value(entries[index + 1])
      }
      if let value { values.append(.init(key: entry, value: value)) }
    }
  }

  /// Hands over the keys and values in states: dictionaries of attributes, or pairs of one and of slots.
  ///
  /// One dictionary may be given any number of times, so that they are not put together.
  mutating func forEachAttributes(
    of states: [PickleReference],
    _ body: (inout PyTorchTree, ArraySlice<PickleReference>) throws(IngotError) -> Void
  ) throws(IngotError) {
    let heap = pickle.heap
    for state in states {
      for part in [state] + (heap.items(of: state) ?? []) {
        try spend(1)
        guard case .dictionary(let entries, _) = heap[part] else { continue }
        try body(&self, heap.items(of: entries))
      }
    }
  }

  /// What a call that makes no tensor would give.
  private mutating func result(
    of made: PickledValue, _ reference: PickleReference
  ) throws(IngotError) -> MetadataValue? {
    let arguments = made.arguments
    switch made.name {
    case "torch.Size", "builtins.set", "builtins.frozenset":
      guard let items = arguments.first else { return .array([]) }
      if let inner = pickle.heap.items(of: items) { return try sequence(inner, of: reference) }
    case "torch.device":
      return try text(joined(arguments.slice, by: ":"), &textBudget)
    case "torch.serialization._get_layout":
      return try text(arguments.first.flatMap(pickle.heap.text) ?? "", &textBudget)
    case "_codecs.encode", "builtins.bytes", "builtins.bytearray":
      if arguments.isEmpty { return try bytes([]) }
      if let stored = PickledValue.stored(reference, in: pickle) {
        if let bytes = stored.bytes { return try self.bytes(bytes) }
        try spend(stored.byteCount)
      }
    case "builtins.complex":
      let isPlain = arguments.count <= 2 && arguments.allSatisfy(isNumber)
      if isPlain { return try sequence(arguments.slice, of: reference) }
    default:
      switch try form(made, of: reference) {
      case .record?: return try dictionary([], of: reference)
      case .entries(let entries)?: return try dictionary(entries, of: reference)
      case .items(let items)?: return try sequence(items, of: reference)
      case .path(let parts)?: return try text(path(parts), &textBudget)
      case .leaf(.string(let words))?: return try text(words, &textBudget)
      case .leaf(let value)?: return value
      case nil: break
      }
    }
    try leaveOut(made.name, reference)
    return nil
  }

  /// Whether what a call would give is a plain value, and no object of a class.
  mutating func isPlain(
    _ made: PickledValue, _ reference: PickleReference
  ) throws(IngotError) -> Bool {
    if ["builtins.set", "builtins.frozenset", "_codecs.encode"].contains(made.name) { return true }
    return try form(made, of: reference) != nil
  }

  /// A text or number as a word.
  private func word(_ reference: PickleReference) -> String {
    pickle.heap.text(reference) ?? pickle.heap.integer(reference).map(String.init) ?? ""
  }

  private func isNumber(_ reference: PickleReference) -> Bool {
    switch pickle.heap[reference] {
    case .integer, .real: true
    default: false
    }
  }

  // MARK: - Tensors

  /// Adds a tensor; gives the attributes that Python code gave to it, which are no part of it here.
  mutating func add(_ reference: PickleReference) throws(IngotError) -> MetadataValue? {
    let name = name()
    try spend(name.utf8.count + Self.stepsPerTensor)
    let view: PyTorchTensors.View
    do throws(IngotError) {
      view = try views.view(reference, name: name)
    } catch {
      try options.passOver(name, error)
      unopened.append(name)
      return nil
    }
    if let subclass = views.subclass(of: reference) { remark(.subclass(subclass)) }
    if views.requiresGradient(reference) { remark(.trained) }
    if path.count > 1 {
      remark(.nested)
    } else if path.isEmpty || isInRow {
      remark(.unkeyed)
    }
    guard names.insert(ExactName(name)).inserted else {
      try passOver(name, .uniqueName, "a second tensor of this name", "one")
      unopened.append(name)
      return nil
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
    let states = views.states(of: reference)
    var hasAttributes = false
    try forEachAttributes(of: states) { (_, entries) in hasAttributes = hasAttributes || !entries.isEmpty }
    return hasAttributes ? try dictionary([], of: reference, states: states) : nil
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
