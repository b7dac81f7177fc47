// SPDX-License-Identifier: Apache-2.0
// Runs a pickle, protocols 0 to 5, without running anything else: it imports nothing, calls nothing, and builds only
// numbers, texts, bytes and plain containers. What a pickle would call is noted for the format's reader to interpret or
// to leave out; what no checkpoint has a use for is refused by name. Page: formats/containers/pickle.md.
import IngotBytes
import IngotCore

/// Interprets one pickle.
///
/// It takes time and memory in proportion to the pickle's bytes, whatever they say: every instruction adds at most one
/// object, and takes only what others have put on the stack.
package struct PickleMachine {
  /// What a pickle asked to have called.
  package struct NotedCall: Sendable {
    /// The position in ``PickleMachine/globals``; `nil` when the result of a call would be called.
    package var global: Int?
    /// The arguments, a tuple, or whatever stands in its place.
    package var arguments: PickleReference
    /// Where the instruction stands.
    package var offset: Int
  }

  /// State that a pickle gave to an object.
  struct NotedState {
    var object: PickleReference
    var state: PickleReference
  }

  /// The objects.
  package internal(set) var heap = PickleHeap()
  /// The globals named, each once, in order.
  package internal(set) var globals: [PickleGlobal] = []
  /// Where each global is named first.
  package internal(set) var globalOffsets: [Int] = []
  /// Calls asked for of what has no role, when they are surveyed: the first of them.
  package internal(set) var calls: [NotedCall] = []
  /// How many calls were asked for, when they are surveyed.
  package internal(set) var callCount = 0
  /// How often each global would be called.
  package internal(set) var callCounts: [Int] = []
  /// References to what stands outside the pickle, in the order in which they were made.
  package private(set) var persistents: [PickleReference] = []

  let allowList: PickleAllowList
  let isSurvey: Bool
  var input: PickleInput
  var stack: [PickleReference] = []
  private var marks: [Int] = []
  private var memo: [PickleReference] = []
  /// What a survey finds put at positions that a reader refuses: Python's table grows to any.
  private var farMemo: [Int: PickleReference] = [:]
  /// In the order of the objects, once the pickle has been run.
  var states: [NotedState] = []
  var globalReferences: [String: PickleReference] = [:]
  /// Globals by the two texts, of the heap, that named them.
  var globalsByTexts: [UInt64: PickleReference] = [:]
  var globalRoles: [PickleAllowList.Role?] = []
  /// Where the instruction that is performed stands.
  private(set) var instruction = 0
  /// Items that mappings and calls with named arguments have copied.
  var copiedCount = 0

  /// Objects that any pickle may build; beyond them there must be bytes for each.
  private static let freeObjectCount = 1 << 16
  private static let bytesPerObject = 3
  /// Positions of the memo that a survey keeps beyond those that a reader takes: Python's own writer makes none.
  private static let farMemoLimit = 1 << 16

  /// Prepares to run a pickle.
  ///
  /// - Parameters:
  ///   - source: what holds the pickle.
  ///   - range: where it starts, and where it must have ended.
  ///   - allowList: the globals that are known, and those that are refused.
  ///   - location: the file and member, for messages; its offset, if any, is that of the source's first byte.
  ///   - isSurvey: whether to note every call, and to go on past what a reader would refuse.
  package init(
    _ source: any ByteSource, range: Range<Int>, allowList: PickleAllowList, at location: Location,
    isSurvey: Bool = false
  ) {
    input = PickleInput(source, range, at: location)
    self.allowList = allowList
    self.isSurvey = isSurvey
  }

  /// The position in the source behind the pickle, once it has been run.
  package var end: Int { input.position }
  /// Bytes of the pickle.
  package var byteCount: Int { input.readCount }
  /// Bytes of its range that stand behind the pickle, once it has been run.
  package var restByteCount: Int { input.remainingCount }

  /// What may be done with a global; `nil` for one that is not on the list.
  package func role(ofGlobal index: Int) -> PickleAllowList.Role? { globalRoles[index] }

  /// The states that a pickle gave to an object, in order.
  package func states(of object: PickleReference) -> [PickleReference] {
    let first = states.indices.partitioningIndex { states[$0].object >= object }
    return states[first...].prefix { $0.object == object }.map(\.state)
  }

  /// The state that a pickle gave to an object last; one may be given any number.
  package func lastState(of object: PickleReference) -> PickleReference? {
    let end = states.indices.partitioningIndex { states[$0].object > object }
    return end > 0 && states[end - 1].object == object ? states[end - 1].state : nil
  }

  /// The name of the global behind a reference; `nil` for anything else.
  package func globalName(_ reference: PickleReference) -> String? {
    if case .global(let index) = heap[reference] { globals[index].name } else { nil }
  }

  /// The place of a byte of the source, for messages.
  package func place(_ position: Int) -> Location { input.place(position) }

  /// Runs the pickle.
  ///
  /// - Returns: the one object that it leaves.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of the page or that of the allow-list,
  ///   and ``IngotCore/IngotError/limitExceeded(_:at:asked:)``.
  package mutating func run() throws(IngotError) -> PickleReference {
    while true {
      instruction = input.position
      let byte = try input.byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw malformed(.opcode, "an instruction \(byte)", "one of protocols 0 to 5")
      }
      if opcode == .stop { return try result() }
      try perform(opcode)
      if heap.count > Self.freeObjectCount { try checkObjects() }
    }
  }

  /// Bounds the objects, and their places in containers, by the bytes read and in all.
  private func checkObjects() throws(IngotError) {
    let allowed = Self.freeObjectCount + input.readCount / Self.bytesPerObject
    guard heap.count <= allowed else {
      throw malformed(.density, "\(heap.count, "object")", "at most \(allowed) of so many bytes")
    }
    let count = UInt64(max(heap.count, heap.itemCount))
    guard count <= Limit.pickleObjects.value else {
      throw .limitExceeded(.pickleObjects, at: place(instruction), asked: count)
    }
  }

  private mutating func result() throws(IngotError) -> PickleReference {
    (memo, farMemo) = ([], [:])
    // Python leaves what else stands on the stack.
    guard isSurvey || marks.isEmpty && stack.count == 1 else {
      throw malformed(.stack, "\(stack.count, "object") and \(marks.count, "mark") at the end", "one object")
    }
    let result = try pop()
    (stack, marks) = ([], [])
    if !isSurvey, let index = globals.firstIndex(where: allowList.isRefused) {
      throw refusal("would import \(globals[index].name)", at: globalOffsets[index])
    }
    // States given one after the other keep their order.
    let order = states.indices.sorted { (states[$0].object, $0) < (states[$1].object, $1) }
    states = order.map { states[$0] }
    return result
  }

  func malformed(_ rule: PickleRule, _ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(rule.rule, at: place(instruction), found: found, expected: expected)
  }

  // MARK: - The stack

  mutating func push(_ reference: PickleReference) throws(IngotError) {
    guard stack.count < Int(Limit.pickleStack.value) else {
      throw .limitExceeded(.pickleStack, at: place(instruction), asked: UInt64(stack.count) + 1)
    }
    stack.append(reference)
  }

  mutating func pop() throws(IngotError) -> PickleReference {
    guard stack.count > marks.last ?? 0, let top = stack.popLast() else {
      throw malformed(.stack, "an empty stack", "an object on it")
    }
    return top
  }

  func top() throws(IngotError) -> PickleReference {
    guard stack.count > marks.last ?? 0, let top = stack.last else {
      throw malformed(.stack, "an empty stack", "an object on it")
    }
    return top
  }

  /// Where the topmost objects start on the stack.
  func start(ofTop count: Int) throws(IngotError) -> Int {
    let available = stack.count - (marks.last ?? 0)
    guard available >= count else {
      throw malformed(.stack, "\(available, "object") on the stack", "\(count)")
    }
    return stack.count - count
  }

  /// Takes the mark that was set last; what was pushed since starts there on the stack.
  mutating func popMark() throws(IngotError) -> Int {
    guard let mark = marks.popLast() else { throw malformed(.stack, "no mark", "one") }
    return mark
  }

  /// Drops what stands on the stack from a place on.
  mutating func dropStack(from start: Int) { stack.removeLast(stack.count - start) }

  private mutating func mark() throws(IngotError) {
    guard marks.count < Int(Limit.pickleStack.value) else {
      throw .limitExceeded(.pickleStack, at: place(instruction), asked: UInt64(marks.count) + 1)
    }
    marks.append(stack.count)
  }

  // MARK: - Instructions

  private mutating func perform(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .proto, .frame, .stop: try checkEnvelope(opcode)
    case .mark: try mark()
    case .pop:
      // Python takes a mark off when nothing stands above it.
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: dropStack(from: try popMark())
    case .dup: try push(top())
    case .get, .binGet, .longBinGet: try recall(opcode)
    case .put, .binPut, .longBinPut, .memoize: try remember(opcode)
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
    case .persId: try pushPersistent(heap.bytes(input.line()))
    case .binPersId: try pushPersistent(pop())
    case .ext1, .ext2, .ext4:
      throw malformed(.selfContained, "an object by a number that a program registered", "one by its name")
    case .nextBuffer, .readOnlyBuffer:
      throw malformed(.selfContained, "a buffer outside the pickle", "its bytes")
    }
  }

  /// The version, and frames, which say only how far one may read ahead.
  private mutating func checkEnvelope(_ opcode: PickleOpcode) throws(IngotError) {
    if opcode == .proto {
      let version = try input.byte()
      guard version <= 5 else { throw malformed(.opcode, "protocol \(version)", "at most 5") }
    } else if opcode == .frame {
      let count = try input.length64()
      guard count <= input.remainingCount else {
        throw malformed(.whole, "a frame of \(count, "byte")", "at most \(input.remainingCount)")
      }
    }
  }

  private mutating func pushPersistent(_ id: PickleReference) throws(IngotError) {
    let object = heap.persistent(id)
    persistents.append(object)
    try push(object)
  }

  // MARK: - The memo

  /// What stands for a position of the memo that was not filled.
  private static let nothing = PickleReference(index: .max)

  private mutating func recall(_ opcode: PickleOpcode) throws(IngotError) {
    let index =
      switch opcode {
      case .binGet: Int(try input.byte())
      case .longBinGet: Int(try input.little(UInt32.self))
      default: try memoLine()
      }
    if let object = farMemo[index] { return try push(object) }
    guard index < memo.count, memo[index] != Self.nothing else {
      throw malformed(.memo, "position \(index) of the memo, where nothing is", "one that was filled")
    }
    try push(memo[index])
  }

  private mutating func remember(_ opcode: PickleOpcode) throws(IngotError) {
    let object = try top()
    let index =
      switch opcode {
      case .binPut: Int(try input.byte())
      case .longBinPut: Int(try input.little(UInt32.self))
      case .memoize: memo.count
      default: try memoLine()
      }
    // Each position is filled by an instruction of its own, so that there are fewer than bytes: a table that is made as
    // long as a position says would let a few bytes take any memory.
    guard index < input.readCount else {
      if isSurvey, farMemo.count < Self.farMemoLimit { return farMemo[index] = object }
      throw malformed(
        .memo, "position \(index) of the memo", "one below \(input.readCount), the bytes so far")
    }
    guard index >= memo.count else { return memo[index] = object }
    while memo.count < index { memo.append(Self.nothing) }
    memo.append(object)
  }

  /// A position as a line of digits.
  private mutating func memoLine() throws(IngotError) -> Int {
    guard case .narrow(let number)? = PickleLiteral.integer(decimal: try input.line()), number >= 0 else {
      throw malformed(.memo, "a position that is not a number", "one")
    }
    return Int(number)
  }
}
