// SPDX-License-Identifier: Apache-2.0
// What a pickle builds: objects in one table that refer to each other by position, so that cycles cost nothing, sharing
// is seen, and nothing is freed by recursion.
import IngotCore

/// A reference to an object of a ``PickleHeap``.
public struct PickleReference: Hashable, Comparable, Sendable {
  let index: UInt32

  /// Whether one object was made before another.
  public static func < (left: PickleReference, right: PickleReference) -> Bool { left.index < right.index }
}

/// An object that a pickle built.
public enum PickleObject: Sendable {
  /// Python's `None`.
  case none
  /// A truth value.
  case boolean(Bool)
  /// An integer of at most 64 bits.
  case integer(Int64)
  /// A wider integer: two's complement, least significant byte first.
  case wideInteger([UInt8])
  /// A floating-point number.
  case real(Double)
  /// Text.
  case text(String)
  /// Bytes, or text of Python 2 that is not UTF-8.
  case bytes([UInt8])
  /// A tuple; ``PickleHeap/items(of:)`` gives its items.
  case tuple(PickleTuple)
  /// A list.
  case list([PickleReference])
  /// A set.
  case set([PickleReference])
  /// Keys and values in turn; `hasClass` for one that a call made, such as an `OrderedDict`.
  case dictionary([PickleReference], hasClass: Bool)
  /// A global: the position in ``PickleMachine/globals``.
  case global(Int)
  /// A call that was not made.
  case call(PickleCall)
  /// Something outside the pickle, by its id.
  case persistent(PickleReference)
}

/// Where the items of a tuple are.
public struct PickleTuple: Hashable, Sendable {
  let start: UInt32
  let count: UInt32
}

/// A call that a pickle asked for, and that was not made.
public struct PickleCall: Hashable, Sendable {
  /// What would be called: a global, in all that is let through.
  public var function: PickleReference
  /// The arguments, a tuple.
  public var arguments: PickleReference
}

/// The objects of one pickle.
public struct PickleHeap: Sendable {
  private var objects: [PickleObject] = []
  private var tupleItems: [PickleReference] = []
  private var smallIntegers: [Int64: PickleReference] = [:]
  private var singles: [Single: PickleReference] = [:]

  private enum Single: Hashable { case none, yes, no, emptyTuple }

  init() {}

  /// Objects made so far; those that are equal by nature, such as `None`, are made once.
  public var count: Int { objects.count }

  /// The object behind a reference.
  public subscript(reference: PickleReference) -> PickleObject {
    objects[Int(reference.index)]
  }

  /// The items of a tuple.
  public func items(of tuple: PickleTuple) -> ArraySlice<PickleReference> {
    tupleItems[Int(tuple.start)..<Int(tuple.start + tuple.count)]
  }

  /// The items of a tuple or list; `nil` for anything else.
  public func items(of reference: PickleReference) -> ArraySlice<PickleReference>? {
    switch self[reference] {
    case .tuple(let tuple): items(of: tuple)
    case .list(let items): items[...]
    default: nil
    }
  }

  /// The text behind a reference; `nil` for anything else.
  public func text(_ reference: PickleReference) -> String? {
    if case .text(let text) = self[reference] { text } else { nil }
  }

  /// The integer behind a reference; `nil` for anything else.
  public func integer(_ reference: PickleReference) -> Int64? {
    if case .integer(let number) = self[reference] { number } else { nil }
  }

  // MARK: - Building

  /// Adds an object.
  mutating func add(_ object: PickleObject) -> PickleReference {
    objects.append(object)
    return PickleReference(index: UInt32(objects.count - 1))
  }

  mutating func none() -> PickleReference { single(.none, .none) }

  mutating func boolean(_ value: Bool) -> PickleReference { single(value ? .yes : .no, .boolean(value)) }

  /// An integer; small ones, of which shapes and lists are full, are made once.
  mutating func integer(_ number: Int64) -> PickleReference {
    guard (-1...1023).contains(number) else { return add(.integer(number)) }
    if let known = smallIntegers[number] { return known }
    let made = add(.integer(number))
    smallIntegers[number] = made
    return made
  }

  mutating func tuple(_ items: some Collection<PickleReference>) -> PickleReference {
    guard !items.isEmpty else { return single(.emptyTuple, .tuple(PickleTuple(start: 0, count: 0))) }
    let start = UInt32(tupleItems.count)
    tupleItems += items
    return add(.tuple(PickleTuple(start: start, count: UInt32(items.count))))
  }

  private mutating func single(_ kind: Single, _ object: PickleObject) -> PickleReference {
    if let known = singles[kind] { return known }
    let made = add(object)
    singles[kind] = made
    return made
  }

  /// Adds items to a list; `false` when it is none.
  mutating func append(_ items: some Collection<PickleReference>, toList reference: PickleReference) -> Bool {
    let index = Int(reference.index)
    guard case .list(var list) = objects[index] else { return false }
    objects[index] = .none  // So that the array is not copied.
    list += items
    objects[index] = .list(list)
    return true
  }

  /// Adds items to a set; `false` when it is none.
  mutating func append(_ items: some Collection<PickleReference>, toSet reference: PickleReference) -> Bool {
    let index = Int(reference.index)
    guard case .set(var set) = objects[index] else { return false }
    objects[index] = .none
    set += items
    objects[index] = .set(set)
    return true
  }

  /// Adds keys and values in turn to a dictionary; `false` when it is none.
  mutating func append(
    _ items: some Collection<PickleReference>, toDictionary reference: PickleReference
  ) -> Bool {
    let index = Int(reference.index)
    guard case .dictionary(var entries, let hasClass) = objects[index] else { return false }
    objects[index] = .none
    entries += items
    objects[index] = .dictionary(entries, hasClass: hasClass)
    return true
  }
}
