// SPDX-License-Identifier: Apache-2.0
// The keys of dictionaries as text: torch's own are texts and integers, and Python allows much more.
// Page: formats/pytorch.md, "Names".
import IngotCore
import IngotEncodings

extension PyTorchTree {
  /// How deep tuples of a key may be, one in another.
  private static let keyDepth = 8

  /// A key as text: what is neither text nor an integer is spelled as Python prints it, with a remark.
  mutating func key(_ reference: PickleReference) throws(IngotError) -> String {
    switch pickle.heap[reference] {
    case .text(let text): return text
    case .integer(let number): return String(number)
    default:
      let spelling = try spelling(reference, depth: 0)
      try below(spelling) { (tree) in tree.remark(.key) }
      return spelling
    }
  }

  /// A plain value as Python prints it, any other object by its class and plain arguments.
  private mutating func spelling(_ reference: PickleReference, depth: Int) throws(IngotError) -> String {
    try spend(1)
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
    case .bytes(let bytes): spelled = "b'" + PickleLiteral.escaped(bytes) + "'"
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
    if let bytes = PickledValue.bytes(reference, in: pickle) {
      return "b'" + PickleLiteral.escaped(bytes) + "'"
    }
    switch made.form(of: reference, in: pickle) {
    case .leaf(.string(let text))?: return text
    case .leaf(let value)?:
      if let number = value.integer { return String(number) }
      if case .float64(let number) = value { return PickleLiteral.spelling(number) }
      if case .float32(let number) = value { return PickleLiteral.spelling(Double(number)) }
    default: break
    }
    return try made.name + "(" + list(made.arguments[...], depth: depth) + ")"
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
