// SPDX-License-Identifier: Apache-2.0
// The instructions of a ``PickleMachine`` that make containers of what is on the stack, or put it into them.
import IngotCore

extension PickleMachine {
  mutating func container(_ opcode: PickleOpcode) throws(IngotError) {
    switch opcode {
    case .emptyTuple: try push(heap.tuple([]))
    case .tuple1: try tuple(from: start(ofTop: 1))
    case .tuple2: try tuple(from: start(ofTop: 2))
    case .tuple3: try tuple(from: start(ofTop: 3))
    case .tuple: try tuple(from: popMark())
    case .emptyList: try push(heap.list())
    case .emptyDict: try push(heap.dictionary())
    case .emptySet: try push(heap.set())
    case .list:
      let start = try popMark()
      let made = heap.list(stack[start...])
      try replaceStack(from: start, with: made)
    case .frozenSet:
      let start = try popMark()
      let made = heap.set(stack[start...])
      try replaceStack(from: start, with: made)
    case .dict:
      let start = try popMark()
      try checkPairs(from: start)
      let made = heap.dictionary(stack[start...])
      try replaceStack(from: start, with: made)
    default: try extend(opcode)
    }
  }

  private mutating func replaceStack(from start: Int, with made: PickleReference) throws(IngotError) {
    dropStack(from: start)
    try push(made)
  }

  private mutating func tuple(from start: Int) throws(IngotError) {
    let made = heap.tuple(stack[start...])
    try replaceStack(from: start, with: made)
  }

  private func checkPairs(from start: Int) throws(IngotError) {
    guard (stack.count - start) % 2 == 0 else { throw malformed(.stack, "a key without a value", "pairs") }
  }

  /// Puts what is on the stack into the container below it, or into the object of a class; a survey goes on where it is
  /// neither.
  private mutating func extend(_ opcode: PickleOpcode) throws(IngotError) {
    let start =
      switch opcode {
      case .append: try start(ofTop: 1)
      case .setItem: try start(ofTop: 2)
      default: try popMark()
      }
    if opcode == .setItem || opcode == .setItems { try checkPairs(from: start) }
    // The container stands right below, on the same side of the next mark.
    let target = try self.target(below: start)
    let (isDone, kind): (Bool, String) =
      switch opcode {
      case .append, .appends: (heap.append(stack[start...], toList: target), "a list")
      case .setItem, .setItems: (heap.append(stack[start...], toDictionary: target), "a dictionary")
      default: (heap.append(stack[start...], toSet: target), "a set")
      }
    dropStack(from: start)
    guard isDone || isSurvey else {
      throw malformed(.target, "items for something else", "\(words: kind) to put them into")
    }
  }

  private func target(below start: Int) throws(IngotError) -> PickleReference {
    _ = try self.start(ofTop: stack.count - start + 1)
    return stack[start - 1]
  }
}
