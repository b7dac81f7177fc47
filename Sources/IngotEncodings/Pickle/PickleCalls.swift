// SPDX-License-Identifier: Apache-2.0
// The instructions of a ``PickleMachine`` that in Python would import, call, or hand state to what was called: here a
// global is its name, and a call is noted.
import IngotCore

extension PickleMachine {
  /// The most calls that a survey keeps; the counts go on.
  private static let surveyedCallLimit = 10_000
  /// Bytes of a module's and of a global's name: far above any program's, and hashed wherever they are named.
  private static let nameByteLimit = 255
  /// Pairs of texts that are remembered to name a global.
  private static let pairLimit = 1 << 16

  mutating func foreign(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .global: try push(namedGlobal())
    case .stackGlobal:
      let (name, module) = (try pop(), try pop())
      try push(global(module: module, name: name))
    case .reduce, .newObj:
      let (arguments, function) = (try pop(), try pop())
      try call(function, arguments)
    case .newObjEx:
      let (names, arguments, function) = (try pop(), try pop(), try pop())
      guard case .dictionary = heap[names], let items = heap.items(of: arguments) else {
        throw malformed(.call, "a call with named arguments that are not a dictionary", "one")
      }
      try count(copied: items.count)
      try call(function, heap.tuple(items + [names]))
    case .inst:
      let function = try namedGlobal()
      try call(function, arguments(from: popMark()))
    case .obj:
      let start = try popMark()
      guard start < stack.count else { throw malformed(.stack, "no class to make an object of", "one") }
      let function = stack[start]
      let arguments = arguments(from: start + 1)
      dropStack(from: start)
      try call(function, arguments)
    default: try build()
    }
  }

  /// Takes what stands on the stack from a place on as a tuple.
  private mutating func arguments(from start: Int) -> PickleReference {
    let made = heap.tuple(stack[start...])
    dropStack(from: start)
    return made
  }

  /// A global by two lines.
  private mutating func namedGlobal() throws(IngotError) -> PickleReference {
    // A text that a survey tries as a pickle may be one line of any length.
    let limit = isSurvey ? Self.nameByteLimit + 1 : .max
    let (module, name) = (try input.line(byteLimit: limit), try input.line(byteLimit: limit))
    return try global(
      module: String(decoding: module, as: UTF8.self), name: String(decoding: name, as: UTF8.self))
  }

  /// A global by two texts, which may be the same ones each time.
  private mutating func global(
    module: PickleReference, name: PickleReference
  ) throws(IngotError) -> PickleReference {
    let pair = UInt64(module.index) << 32 | UInt64(name.index)
    if let known = globalsByTexts[pair] { return known }
    guard let moduleText = heap.text(module), let nameText = heap.text(name) else {
      throw malformed(.globalName, "a global whose name is not text", "module and name")
    }
    let global = try global(module: moduleText, name: nameText)
    if globalsByTexts.count < Self.pairLimit { globalsByTexts[pair] = global }
    return global
  }

  /// A global, which is never more than its name.
  private mutating func global(module: String, name: String) throws(IngotError) -> PickleReference {
    let isNamed = [module, name].allSatisfy { (1...Self.nameByteLimit).contains($0.utf8.count) }
    guard isNamed else {
      throw malformed(
        .globalName,
        "a global whose module and name have \(module.utf8.count) and \(name.utf8.count, "byte")",
        "1 to \(Self.nameByteLimit)")
    }
    let global = PickleGlobal(module: module, name: name)
    if let known = globalReferences[global.name] { return known }
    guard UInt64(globals.count) < Limit.pickleGlobals.value else {
      throw .limitExceeded(.pickleGlobals, at: place(instruction), asked: UInt64(globals.count) + 1)
    }
    let role = allowList.role(of: global)
    let reference = heap.global(globals.count)
    globalReferences[global.name] = reference
    globals.append(global)
    globalOffsets.append(instruction)
    globalRoles.append(role)
    callCounts.append(0)
    return reference
  }

  /// Notes a call instead of making it.
  private mutating func call(
    _ function: PickleReference, _ arguments: PickleReference
  ) throws(IngotError) {
    var index: Int?
    if case .global(let position) = heap[function] { index = position }
    if isSurvey {
      if let index { callCounts[index] += 1 }
      callCount += 1
      if calls.count < Self.surveyedCallLimit, index.flatMap({ globalRoles[$0] }) == nil {
        calls.append(NotedCall(global: index, arguments: arguments, offset: instruction))
      }
    } else {
      try check(function, index, arguments)
    }
    if let index, globalRoles[index] == .mapping {
      let entries = try mapping(arguments)
      return try push(heap.dictionary(entries, hasClass: true))
    }
    try push(heap.call(function, arguments))
  }

  /// Refuses what no program would call, and what none should.
  private func check(
    _ function: PickleReference, _ index: Int?, _ arguments: PickleReference
  ) throws(IngotError) {
    switch heap[function] {
    case .global, .call, .persistent: break
    default: throw malformed(.call, "a call of something that is not a global", "a global")
    }
    if let index {
      guard !allowList.isRefused(globals[index]) else {
        throw refusal("would call \(globals[index].name)", at: instruction)
      }
      guard globalRoles[index] != .constant else {
        throw malformed(.call, "a call of \(globals[index].name)", "a function or a class")
      }
    }
    guard case .tuple = heap[arguments] else {
      throw malformed(.call, "arguments that are not a tuple", "one")
    }
  }

  /// The error of naming a global that is refused.
  func refusal(_ found: Evidence, at offset: Int) -> IngotError {
    .malformed(
      allowList.rule, at: place(offset), found: found,
      expected: "nothing that runs, opens or imports something")
  }

  /// What a mapping is made of: nothing, another dictionary, or pairs.
  private mutating func mapping(
    _ arguments: PickleReference
  ) throws(IngotError) -> ArraySlice<PickleReference> {
    guard let items = heap.items(of: arguments), let first = items.first, items.count == 1 else {
      guard heap.items(of: arguments)?.isEmpty == true || isSurvey else {
        throw malformed(.call, "a mapping of several arguments", "one at the most")
      }
      return []
    }
    if case .dictionary(let entries, _) = heap[first] {
      try count(copied: entries.count)
      return heap.items(of: entries)
    }
    let pairs = heap.items(of: first) ?? []
    try count(copied: pairs.count)
    var entries: [PickleReference] = []
    for pair in pairs {
      guard let items = heap.items(of: pair), items.count == 2 else {
        guard isSurvey else { throw malformed(.call, "a mapping of something else than pairs", "pairs") }
        continue
      }
      entries += items
    }
    return entries[...]
  }

  /// Bounds what mappings and calls with named arguments copy: one list, taken again and again by a few bytes each, would
  /// grow without end.
  private mutating func count(copied count: Int) throws(IngotError) {
    copiedCount += count
    guard copiedCount <= input.readCount else {
      throw malformed(
        .call, "mappings and calls with named arguments of \(copiedCount, "item")",
        "at most \(input.readCount), the bytes so far")
    }
  }

  /// Notes the state that an object is given.
  private mutating func build() throws(IngotError) {
    let state = try pop()
    let object = try top()
    guard !isSurvey else { return }
    switch heap[object] {
    case .dictionary(_, hasClass: true): break
    case .call(let call):
      if case .global(let index) = heap[call.function], globalRoles[index] == .function { fallthrough }
    default: throw malformed(.target, "state for something else", "an object of a class that takes it")
    }
    states.append(NotedState(object: object, state: state))
  }
}
