// SPDX-License-Identifier: Apache-2.0
// Runs a pickle, protocols 0 to 5, without running anything else: it imports nothing, calls nothing, and builds only
// numbers, texts, bytes and plain containers. What a pickle would call is noted, if it is on the allow-list, for the
// format's reader to interpret; anything else is refused by name. Page: formats/containers/pickle.md.
import IngotBytes
import IngotCore

/// Interprets one pickle.
///
/// It takes time and memory in proportion to the pickle's bytes, whatever they say: every instruction adds at most one
/// object, and takes only what others have put on the stack.
public final class PickleMachine {
  /// What a pickle asked to have called.
  public struct NotedCall: Sendable {
    /// The position in ``PickleMachine/globals``; `nil` when the result of a call would be called.
    public var global: Int?
    /// The arguments, a tuple, or whatever stands in its place.
    public var arguments: PickleReference
    /// Where the instruction stands.
    public var offset: Int
  }

  /// The objects.
  public private(set) var heap = PickleHeap()
  /// The globals named, each once, in order.
  public private(set) var globals: [PickleGlobal] = []
  /// Where each global is named first.
  public private(set) var globalOffsets: [Int] = []
  /// Calls asked for, when they are surveyed.
  public private(set) var calls: [NotedCall] = []
  /// How often each global would be called.
  public private(set) var callCounts: [Int] = []

  /// References to what stands outside the pickle, in the order in which they were made, each with its id.
  public private(set) var persistents: [(object: PickleReference, id: PickleReference)] = []

  private let allowList: PickleAllowList
  private let isSurvey: Bool
  private var input: PickleInput
  private var stack: [PickleReference] = []
  private var marks: [Int] = []
  private var memo: [PickleReference?] = []
  private var globalReferences: [String: PickleReference] = [:]
  private var globalRoles: [PickleAllowList.Role?] = []
  private var instruction = 0
  private var mappedCount = 0

  /// The most calls that a survey keeps; the counts go on.
  private static let surveyedCallLimit = 10_000

  /// Prepares to run a pickle.
  ///
  /// - Parameters:
  ///   - source: what holds the pickle.
  ///   - range: where it starts, and where it must have ended.
  ///   - allowList: the globals that it may name.
  ///   - location: the file and member, for messages; its offset, if any, is that of the source's first byte.
  ///   - isSurvey: whether to go on past globals that are not on the list, noting every call, instead of refusing them.
  public init(
    _ source: any ByteSource, range: Range<Int>, allowList: PickleAllowList, at location: Location,
    isSurvey: Bool = false
  ) {
    input = PickleInput(source, range, at: location)
    self.allowList = allowList
    self.isSurvey = isSurvey
  }

  /// The position in the source behind the pickle, once it has been run.
  public var end: Int { input.position }
  /// Bytes of the pickle.
  public var byteCount: Int { input.readCount }

  /// What may be done with a global; `nil` for one that is not on the list.
  public func role(ofGlobal index: Int) -> PickleAllowList.Role? { globalRoles[index] }

  /// The name of the global behind a reference; `nil` for anything else.
  public func globalName(_ reference: PickleReference) -> String? {
    if case .global(let index) = heap[reference] { globals[index].name } else { nil }
  }

  /// The place of a byte of the source, for messages.
  public func place(_ position: Int) -> Location { input.place(position) }

  /// Runs the pickle.
  ///
  /// - Returns: the one object that it leaves.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of the page or that of the allow-list,
  ///   and ``IngotCore/IngotError/limitExceeded(_:at:asked:)``.
  public func run() throws(IngotError) -> PickleReference {
    while true {
      instruction = input.position
      let byte = try input.byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw malformed(.opcode, "an instruction \(byte)", "one of protocols 0 to 5")
      }
      if opcode == .stop { return try result() }
      try perform(opcode)
      if UInt64(heap.count) > Limit.pickleObjects.value {
        throw .limitExceeded(.pickleObjects, at: place(instruction), asked: UInt64(heap.count))
      }
    }
  }

  private func result() throws(IngotError) -> PickleReference {
    memo = []
    guard marks.isEmpty, stack.count == 1, let result = stack.first else {
      throw malformed(.stack, "\(stack.count) objects and \(marks.count) marks at the end", "one object")
    }
    if !isSurvey, let index = globalRoles.firstIndex(of: nil) {
      throw .malformed(
        allowList.rule, at: place(globalOffsets[index]), found: "would import \(globals[index].name)",
        expected: "only what is on the allow-list")
    }
    return result
  }

  private func malformed(_ rule: PickleRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(rule.rule, at: place(instruction), found: found, expected: expected)
  }

  // MARK: - The stack

  private func push(_ reference: PickleReference) throws(IngotError) {
    guard UInt64(stack.count) < Limit.pickleStack.value else {
      throw .limitExceeded(.pickleStack, at: place(instruction), asked: UInt64(stack.count) + 1)
    }
    stack.append(reference)
  }

  private func push(_ object: PickleObject) throws(IngotError) {
    try push(heap.add(object))
  }

  private func pop() throws(IngotError) -> PickleReference {
    guard stack.count > marks.last ?? 0, let top = stack.popLast() else {
      throw malformed(.stack, "an empty stack", "an object on it")
    }
    return top
  }

  private func top() throws(IngotError) -> PickleReference {
    guard stack.count > marks.last ?? 0, let top = stack.last else {
      throw malformed(.stack, "an empty stack", "an object on it")
    }
    return top
  }

  /// Takes what was pushed since the last mark, and the mark.
  ///
  /// The items are copied: a slice would share the stack's storage, and the next push would copy all of it.
  private func popMarked() throws(IngotError) -> [PickleReference] {
    guard let mark = marks.popLast() else { throw malformed(.stack, "no mark", "one") }
    let items = Array(stack[mark...])
    stack.removeLast(items.count)
    return items
  }

  // MARK: - Instructions

  private func perform(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .proto, .frame, .stop: try checkEnvelope(opcode)
    case .mark:
      guard UInt64(marks.count) < Limit.pickleStack.value else {
        throw .limitExceeded(.pickleStack, at: place(instruction), asked: UInt64(marks.count) + 1)
      }
      marks.append(stack.count)
    case .pop:
      // Python takes a mark off when nothing stands above it.
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popMarked()
    case .dup: try push(top())
    case .get, .binGet, .longBinGet, .put, .binPut, .longBinPut, .memoize: try remember(opcode)
    case .none: try push(heap.none())
    case .newTrue: try push(heap.boolean(true))
    case .newFalse: try push(heap.boolean(false))
    case .int, .binInt, .binInt1, .binInt2, .long, .long1, .long4, .float, .binFloat: try number(opcode)
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode, .binUnicode8,
      .binBytes,
      .shortBinBytes, .binBytes8, .byteArray8:
      try text(opcode)
    case .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3, .emptyList, .list, .append, .appends, .emptyDict,
      .dict,
      .setItem, .setItems, .emptySet, .addItems, .frozenSet:
      try container(opcode)
    case .global, .stackGlobal, .reduce, .build, .inst, .obj, .newObj, .newObjEx: try foreign(opcode)
    case .persId: try pushPersistent(heap.add(.bytes(input.line())))
    case .binPersId: try pushPersistent(pop())
    case .ext1, .ext2, .ext4:
      throw malformed(.selfContained, "an object by a number that a program registered", "one by its name")
    case .nextBuffer, .readOnlyBuffer:
      throw malformed(.selfContained, "a buffer outside the pickle", "its bytes")
    }
  }

  /// The version, and frames, which say only how far one may read ahead.
  private func checkEnvelope(_ opcode: PickleOpcode) throws(IngotError) {
    if opcode == .proto {
      let version = try input.byte()
      guard version <= 5 else { throw malformed(.opcode, "protocol \(version)", "at most 5") }
    } else if opcode == .frame {
      let count = try input.length64()
      guard count <= input.remainingCount else {
        throw malformed(.whole, "a frame of \(count) bytes", "at most \(input.remainingCount)")
      }
    }
  }

  private func remember(_ opcode: PickleOpcode) throws(IngotError) {
    let index: Int
    switch opcode {
    case .binGet, .binPut: index = Int(try input.byte())
    case .longBinGet, .longBinPut: index = Int(try input.little(UInt32.self))
    case .memoize: index = memo.count
    default:
      guard case .integer(let number)? = PickleLiteral.integer(decimal: try input.line()), number >= 0 else {
        throw malformed(.memo, "a position that is no number", "one")
      }
      index = Int(number)
    }
    if [.get, .binGet, .longBinGet].contains(opcode) {
      guard memo.indices.contains(index), let known = memo[index] else {
        throw malformed(.memo, "position \(index) of the memo, where nothing is", "one that was filled")
      }
      return try push(known)
    }
    // Each position is filled by an instruction of its own, so that there are fewer than bytes: a table that is made as
    // long as a position says would let a few bytes take any memory.
    guard index < input.readCount else {
      throw malformed(
        .memo, "position \(index) of the memo", "one below \(input.readCount), the bytes so far")
    }
    while memo.count <= index { memo.append(nil) }
    memo[index] = try top()
  }

  private func number(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .binInt: try push(heap.integer(Int64(try input.little(Int32.self))))
    case .binInt1: try push(heap.integer(Int64(try input.byte())))
    case .binInt2: try push(heap.integer(Int64(try input.little(UInt16.self))))
    case .binFloat: try push(.real(Double(bitPattern: try input.little(UInt64.self).byteSwapped)))
    case .long1: try push(PickleLiteral.integer(littleEndian: input.bytes(Int(try input.byte()))))
    case .long4:
      let count = Int(try input.little(Int32.self))
      guard count >= 0 else { throw malformed(.number, "an integer of \(count) bytes", "some, or none") }
      try push(PickleLiteral.integer(littleEndian: input.bytes(count)))
    case .float:
      let line = try input.line()
      guard let value = PickleLiteral.real(line) else { throw badNumber(line) }
      try push(.real(value))
    default:
      var line = try input.line()
      if opcode == .int, line.count == 2, line[0] == UInt8(ascii: "0"), line[1] & ~1 == UInt8(ascii: "0") {
        return try push(heap.boolean(line[1] == UInt8(ascii: "1")))
      }
      if opcode == .long, line.last == UInt8(ascii: "L") { line.removeLast() }
      guard let value = PickleLiteral.integer(decimal: line) else { throw badNumber(line) }
      try push(value)
    }
  }

  private func pushPersistent(_ id: PickleReference) throws(IngotError) {
    let object = heap.add(.persistent(id))
    persistents.append((object, id))
    try push(object)
  }

  private func badNumber(_ line: [UInt8]) -> IngotError {
    malformed(.number, .value(String(decoding: line.prefix(100), as: UTF8.self)), "a number")
  }

  private func text(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .string:
      let line = try input.line()
      guard let bytes = PickleLiteral.bytes(quoted: line) else {
        throw malformed(.text, "a string without quotes, or with broken escapes", "a Python literal")
      }
      try push(PickleLiteral.text(python2: bytes))
    case .unicode:
      guard let text = PickleLiteral.text(rawEscaped: try input.line()) else {
        throw malformed(.text, "a surrogate or a broken escape", "text")
      }
      try push(.text(text))
    case .binString:
      let count = Int(try input.little(Int32.self))
      guard count >= 0 else { throw malformed(.text, "a string of \(count) bytes", "some, or none") }
      try push(PickleLiteral.text(python2: input.bytes(count)))
    case .shortBinString: try push(PickleLiteral.text(python2: input.bytes(Int(try input.byte()))))
    case .binUnicode: try pushText(byteCount: Int(try input.little(UInt32.self)))
    case .shortBinUnicode: try pushText(byteCount: Int(try input.byte()))
    case .binUnicode8: try pushText(byteCount: input.length64())
    case .binBytes: try push(.bytes(input.bytes(Int(try input.little(UInt32.self)))))
    case .shortBinBytes: try push(.bytes(input.bytes(Int(try input.byte()))))
    default: try push(.bytes(input.bytes(input.length64())))
    }
  }

  private func pushText(byteCount: Int) throws(IngotError) {
    guard let text = String(validating: try input.bytes(byteCount), as: UTF8.self) else {
      throw malformed(.text, "bytes that are no UTF-8", "text")
    }
    try push(.text(text))
  }

  // MARK: - Containers

  private func container(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .emptyTuple: try push(heap.tuple([]))
    case .tuple: try push(heap.tuple(popMarked()))
    case .tuple1: try push(heap.tuple(pop(1)))
    case .tuple2: try push(heap.tuple(pop(2)))
    case .tuple3: try push(heap.tuple(pop(3)))
    case .emptyList: try push(.list([]))
    case .list: try push(.list(popMarked()))
    case .emptyDict: try push(.dictionary([], hasClass: false))
    case .dict: try push(.dictionary(pairs(popMarked()), hasClass: false))
    case .emptySet: try push(.set([]))
    case .frozenSet: try push(.set(popMarked()))
    case .append:
      let items = try pop(1)
      try extend(heap.append(items, toList: top()), "a list")
    case .appends:
      let items = try popMarked()
      try extend(heap.append(items, toList: top()), "a list")
    case .setItem:
      let items = try pop(2)
      try extend(heap.append(items, toDictionary: top()), "a dictionary")
    case .setItems:
      let items = try pairs(popMarked())
      try extend(heap.append(items, toDictionary: top()), "a dictionary")
    default:
      let items = try popMarked()
      try extend(heap.append(items, toSet: top()), "a set")
    }
  }

  private func pop(_ count: Int) throws(IngotError) -> [PickleReference] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw malformed(.stack, "\(stack.count - (marks.last ?? 0)) objects on the stack", "\(count)")
    }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    return items
  }

  private func pairs(_ items: [PickleReference]) throws(IngotError) -> [PickleReference] {
    guard items.count % 2 == 0 else { throw malformed(.stack, "a key without a value", "pairs") }
    return items
  }

  /// Refuses to put items into anything but a container of the kind; a survey goes on.
  private func extend(_ isDone: Bool, _ kind: String) throws(IngotError) {
    guard isDone || isSurvey else {
      throw malformed(.target, "items for something else", "\(words: kind) to put them into")
    }
  }

  // MARK: - Globals

  private func foreign(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .global:
      let (module, name) = (try input.line(), try input.line())
      try push(
        global(module: String(decoding: module, as: UTF8.self), name: String(decoding: name, as: UTF8.self)))
    case .stackGlobal:
      let items = try pop(2)
      guard let module = heap.text(items[0]), let name = heap.text(items[1]) else {
        throw malformed(.globalName, "a global whose name is no text", "module and name")
      }
      try push(global(module: module, name: name))
    case .reduce, .newObj:
      let items = try pop(2)
      try call(items[0], items[1])
    case .newObjEx:
      let items = try pop(3)
      guard case .dictionary(let entries, _) = heap[items[2]], entries.isEmpty || isSurvey else {
        throw malformed(.call, "a call with named arguments", "one without")
      }
      try call(items[0], items[1])
    case .inst:
      let (module, name) = (try input.line(), try input.line())
      let function = try global(
        module: String(decoding: module, as: UTF8.self), name: String(decoding: name, as: UTF8.self))
      try call(function, heap.tuple(popMarked()))
    case .obj:
      let items = try popMarked()
      guard let function = items.first else {
        throw malformed(.stack, "no class to make an object of", "one")
      }
      try call(function, heap.tuple(items.dropFirst()))
    default: try build()
    }
  }

  /// A global, which is never more than its name.
  private func global(module: String, name: String) throws(IngotError) -> PickleReference {
    guard !module.isEmpty, !name.isEmpty else {
      throw malformed(.globalName, "a global without a name", "one")
    }
    let global = PickleGlobal(module: module, name: name)
    if let known = globalReferences[global.name] { return known }
    let role = allowList.role(of: global)
    let reference = heap.add(.global(globals.count))
    globalReferences[global.name] = reference
    globals.append(global)
    globalOffsets.append(instruction)
    globalRoles.append(role)
    callCounts.append(0)
    return reference
  }

  /// Notes a call instead of making it.
  private func call(_ function: PickleReference, _ arguments: PickleReference) throws(IngotError) {
    var index: Int?
    if case .global(let position) = heap[function] { index = position }
    if isSurvey {
      if let index { callCounts[index] += 1 }
      if calls.count < Self.surveyedCallLimit {
        calls.append(NotedCall(global: index, arguments: arguments, offset: instruction))
      }
    } else {
      try check(index, arguments)
    }
    if let index, globalRoles[index] == .mapping {
      return try push(.dictionary(mapping(arguments), hasClass: true))
    }
    try push(.call(PickleCall(function: function, arguments: arguments)))
  }

  private func check(_ index: Int?, _ arguments: PickleReference) throws(IngotError) {
    guard let index else { throw malformed(.call, "a call of something that is no global", "a global") }
    guard let role = globalRoles[index] else {
      throw .malformed(
        allowList.rule, at: place(instruction), found: "would call \(globals[index].name)",
        expected: "only what is on the allow-list")
    }
    guard role != .constant else {
      throw malformed(.call, "a call of \(globals[index].name)", "a function or a class")
    }
    guard case .tuple = heap[arguments] else { throw malformed(.call, "arguments that are no tuple", "one") }
  }

  /// What a mapping is made of: nothing, another dictionary, or pairs.
  private func mapping(_ arguments: PickleReference) throws(IngotError) -> [PickleReference] {
    guard let items = heap.items(of: arguments), let first = items.first, items.count == 1 else {
      guard heap.items(of: arguments)?.isEmpty == true || isSurvey else {
        throw malformed(.call, "a mapping of several arguments", "one at the most")
      }
      return []
    }
    if case .dictionary(let entries, _) = heap[first] {
      try count(mapped: entries.count)
      return entries
    }
    let pairs = heap.items(of: first) ?? []
    try count(mapped: pairs.count)
    var entries: [PickleReference] = []
    for pair in pairs {
      guard let items = heap.items(of: pair), items.count == 2 else {
        guard isSurvey else { throw malformed(.call, "a mapping of something else than pairs", "pairs") }
        continue
      }
      entries += items
    }
    return entries
  }

  /// Bounds what mappings copy: one list of pairs, taken again and again by a few bytes each, would grow without end.
  private func count(mapped count: Int) throws(IngotError) {
    mappedCount += count
    guard mappedCount <= input.readCount else {
      throw malformed(
        .call, "mappings of \(mappedCount) items", "at most \(input.readCount), the bytes so far")
    }
  }

  /// Gives state to an object, where that is let through; it is not kept.
  private func build() throws(IngotError) {
    _ = try pop()
    guard !isSurvey else { return _ = try top() }
    switch heap[try top()] {
    case .dictionary(_, hasClass: true): return
    case .call(let call):
      if case .global(let index) = heap[call.function], globalRoles[index] == .type { return }
    default: break
    }
    throw malformed(.target, "state for something else", "an object of a class that takes it")
  }
}
