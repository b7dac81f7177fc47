// SPDX-License-Identifier: Apache-2.0
// The keys of dictionaries as text: torch's own are texts and integers, and Python allows much more.
// Page: formats/pytorch.md, "Names".
import IngotCore
import IngotEncodings

/// The keys of one dictionary so far.
struct PyTorchKeys {
  /// By what they are spelled as.
  fileprivate var objects: [ExactName: PickleReference] = [:]
  /// The number that the next key that is spelled so gets.
  fileprivate var numbers: [ExactName: Int] = [:]
}

extension PyTorchTree {
  /// How deep tuples of a key may be, one in another.
  private static let keyDepth = 8

  /// A key as text that no other has: of those that are spelled alike, objects are told apart by a number.
  ///
  /// - Parameters:
  ///   - reference: the key.
  ///   - keys: those before it, and then it too.
  ///   - isPlain: whether what the dictionary holds is shown, so that two plain keys may not be spelled alike.
  /// - Returns: the key in tensors' names, and that of its entry among metadata, which another may not have.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PT-16 for plain keys that are not left out.
  mutating func key(
    _ reference: PickleReference, among keys: inout PyTorchKeys, isPlain: Bool = true
  ) throws(IngotError) -> (key: String, entry: String) {
    let key = try key(reference)
    try spend(key.utf8.count)
    let name = ExactName(key)
    guard let other = keys.objects[name] else {
      keys.objects[name] = reference
      return (key, key)
    }
    var isOpaque = try self.isOpaque(reference, depth: 0)
    if !isOpaque { isOpaque = try self.isOpaque(other, depth: 0) }
    if !isOpaque {
      guard isPlain else { return (key, key) }
      try below(key) { (tree) throws(IngotError) in
        let name = tree.name()
        try tree.spend(name.utf8.count)
        try tree.passOver(name, .dictionaryKey, "the key twice", "once")
        tree.unjudged.append(name)
      }
    }
    let numbered = try numbered(key, reference, among: &keys)
    try below(numbered) { (tree) in tree.remark(.keySpelledAlike) }
    return (isOpaque ? numbered : key, numbered)
  }

  /// A key with the first number behind it that makes it another.
  private mutating func numbered(
    _ key: String, _ reference: PickleReference, among keys: inout PyTorchKeys
  ) throws(IngotError) -> String {
    var number = keys.numbers[ExactName(key)] ?? 2
    defer { keys.numbers[ExactName(key)] = number + 1 }
    while true {
      let numbered = "\(key) (\(number))"
      try spend(numbered.utf8.count)
      if keys.objects.updateValue(reference, forKey: ExactName(numbered)) == nil { return numbered }
      number += 1
    }
  }

  /// Whether a key is an object whose spelling does not say all of it, or holds one.
  private mutating func isOpaque(_ reference: PickleReference, depth: Int) throws(IngotError) -> Bool {
    try spend(1)
    switch pickle.heap[reference] {
    case .persistent, .global: return true
    case .call(let call):
      if PickledValue.stored(reference, in: pickle) != nil { return false }
      switch try form(PickledValue(call, in: pickle), of: reference) {
      case .leaf, .path: return false
      default: return true
      }
    case .tuple(let items), .set(let items):
      guard depth < Self.keyDepth else { return true }
      for item in pickle.heap.items(of: items) {
        if try isOpaque(item, depth: depth + 1) { return true }
      }
      return false
    default: return false
    }
  }

  /// A key as text: what is neither text nor an integer is spelled as Python prints it, with a remark.
  private mutating func key(_ reference: PickleReference) throws(IngotError) -> String {
    switch pickle.heap[reference] {
    case .text(let text): return text
    case .integer(let number): return String(number)
    default:
      let spelling = try spelling(reference, depth: 0)
      if holdsTensor(reference, depth: 0) {
        try below(spelling) { (tree) in tree.remark(.tensorAsKey) }
      } else if case .call(let call) = pickle.heap[reference], pickle.lastState(of: reference) != nil,
        try isOpaque(reference, depth: 0)
      {
        // A spelling says with what an object is made, and nothing of its state.
        let name = PickledValue(call, in: pickle).name
        try below(spelling) { (tree) in tree.remark(.leftOut(name)) }
      }
      try below(spelling) { (tree) in tree.remark(.key) }
      return spelling
    }
  }

  /// Whether a key is a tensor, or a tuple with one.
  private func holdsTensor(_ reference: PickleReference, depth: Int) -> Bool {
    if case .tuple(let items) = pickle.heap[reference], depth < Self.keyDepth {
      return pickle.heap.items(of: items).contains { holdsTensor($0, depth: depth + 1) }
    }
    return views.isTensor(reference)
  }

  /// A plain value as Python prints it, any other object by its class and plain arguments.
  private mutating func spelling(_ reference: PickleReference, depth: Int) throws(IngotError) -> String {
    try spend(1)
    try spend(argumentsOf: reference)
    guard depth < Self.keyDepth else {
      throw malformed(.dictionaryKey, "a key of tuples in tuples, over \(Self.keyDepth) deep", "fewer")
    }
    let heap = pickle.heap
    let spelled: String
    switch heap[reference] {
    case .none: spelled = "None"
    case .boolean(let value): spelled = value ? "True" : "False"
    case .integer(let number): spelled = String(number)
    case .wideInteger(let bytes): spelled = PickleLiteral.hexadecimal(bytes)
    case .real(let number): spelled = PickleLiteral.spelling(number)
    case .text(let text): spelled = depth == 0 ? text : "'\(text)'"
    case .bytes(let bytes): spelled = try literal(bytes)
    case .tuple(let items): spelled = try tuple(heap.items(of: items), depth: depth)
    case .list(let items), .set(let items), .dictionary(let items, _):
      spelled = "{" + (try list(heap.items(of: items), depth: depth)) + "}"
    case .global(let index): spelled = pickle.globals[index].name
    case .call(let call): spelled = try result(of: call, reference, depth: depth)
    case .persistent: spelled = "a persistent object"
    }
    try spend(spelled.utf8.count)
    return spelled
  }

  private mutating func result(
    of call: PickleCall, _ reference: PickleReference, depth: Int
  ) throws(IngotError) -> String {
    let made = PickledValue(call, in: pickle)
    if let stored = PickledValue.stored(reference, in: pickle) {
      try spend(stored.byteCount)
      if let bytes = stored.bytes { return try literal(bytes) }
    }
    switch try form(made, of: reference) {
    case .path(let parts)?: return try path(parts)
    case .leaf(.string(let text))?: return text
    case .leaf(let value)?:
      if let number = value.integer { return String(number) }
      if case .float64(let number) = value { return PickleLiteral.spelling(number) }
      if case .float32(let number) = value { return PickleLiteral.spelling(Double(number)) }
    default: break
    }
    return try made.name + "(" + list(made.arguments.slice, depth: depth) + ")"
  }

  /// Bytes as Python prints them, counted before they are.
  private mutating func literal(_ bytes: [UInt8]) throws(IngotError) -> String {
    try spend(bytes.count)
    return "b'" + PickleLiteral.escaped(bytes) + "'"
  }

  private mutating func tuple(_ items: ArraySlice<PickleReference>, depth: Int) throws(IngotError) -> String {
    try "(" + list(items, depth: depth) + (items.count == 1 ? ",)" : ")")
  }

  private mutating func list(_ items: ArraySlice<PickleReference>, depth: Int) throws(IngotError) -> String {
    var spelled: [String] = []
    for item in items { spelled.append(try spelling(item, depth: depth + 1)) }
    return spelled.joined(separator: ", ")
  }
}
