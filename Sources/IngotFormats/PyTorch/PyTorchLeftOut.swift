// SPDX-License-Identifier: Apache-2.0
// Objects of a checkpoint that are left out: nothing of them is kept but the tensors in them. Page: formats/pytorch.md, "Names".
import IngotCore
import IngotEncodings

extension PyTorchTree {
  /// How deep objects that are left out are looked through.
  private static let searchDepthLimit = 200

  /// Leaves an object out, but for the tensors in it.
  mutating func leaveOut(_ className: String, _ reference: PickleReference) throws(IngotError) {
    let array = PickledArray(reference, in: pickle)
    let found = array.map { "\(className) of \($0.dtype.descr)" } ?? className
    remark(.leftOut(found))
    try search(reference)
  }

  /// Looks for tensors in an object that is left out; objects may refer to each other as they like.
  private mutating func search(_ reference: PickleReference) throws(IngotError) {
    try spend(1)
    try spend(argumentsOf: reference)
    if views.isTensor(reference) { return _ = try add(reference) }
    guard searched.insert(reference).inserted else { return }
    guard searchDepth < Self.searchDepthLimit else { return remark(.tooDeep) }
    searchDepth += 1
    defer { searchDepth -= 1 }
    let heap = pickle.heap
    switch heap[reference] {
    case .tuple(let items), .list(let items), .set(let items): try searchItems(heap.items(of: items))
    case .dictionary(let entries, _):
      var keys = PyTorchKeys()
      try searchEntries(heap.items(of: entries), &keys)
      try forEachAttributes(of: pickle.states(of: reference)) { (tree, entries) throws(IngotError) in
        try tree.searchEntries(entries, &keys)
      }
    case .call(let call):
      let made = PickledValue(call, in: pickle)
      if searchDepth > 1, try !isPlain(made, reference) { remark(.leftOut(made.name)) }
      try searchItems(heap.items(of: call.arguments) ?? [])
      try searchItems(heap.listItems(ofCall: reference))
      var keys = PyTorchKeys()
      try searchEntries(heap.entries(ofCall: reference), &keys)
      for state in pickle.states(of: reference) { try searchState(state) }
    default: break
    }
  }

  private mutating func searchItems(_ items: ArraySlice<PickleReference>) throws(IngotError) {
    for (index, item) in items.enumerated() {
      try below(String(index)) { (tree) throws(IngotError) in try tree.search(item) }
    }
  }

  private mutating func searchEntries(
    _ entries: ArraySlice<PickleReference>, _ keys: inout PyTorchKeys
  ) throws(IngotError) {
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      let (key, _) = try key(entries[index], among: &keys, isPlain: false)
      try below(key) { (tree) throws(IngotError) in try tree.search(entries[index + 1]) }
    }
  }

  /// The state of an object; of a module of torch's, its tensors have the names that its state dictionary gives them.
  private mutating func searchState(_ state: PickleReference) throws(IngotError) {
    let heap = pickle.heap
    guard case .dictionary(let items, _) = heap[state] else { return try search(state) }
    let entries = heap.items(of: items)
    let positions = stride(from: entries.startIndex, to: entries.endIndex, by: 2)
    let isModule = Set(positions.compactMap { moduleKey(entries[$0]) }) == Self.moduleKeys
    var keys = PyTorchKeys()
    for index in positions {
      guard isModule, moduleKey(entries[index]) != nil else {
        try searchEntries(entries[index...(index + 1)], &keys)
        continue
      }
      try search(entries[index + 1])
    }
  }

  /// What names a part of a module; `nil` for other keys, which may be long.
  private func moduleKey(_ reference: PickleReference) -> String? {
    guard let key = pickle.heap.text(reference), key.utf8.count <= 16 else { return nil }
    return Self.moduleKeys.contains(key) ? key : nil
  }

  private static let moduleKeys: Set<String> = ["_parameters", "_buffers", "_modules"]
}
