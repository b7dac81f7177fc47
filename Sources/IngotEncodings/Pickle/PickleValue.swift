// SPDX-License-Identifier: Apache-2.0
// What a pickle builds: objects in one table that refer to each other by position, so that cycles cost nothing, sharing
// is seen, and nothing is freed by recursion.

/// A reference to an object of a ``PickleHeap``.
package struct PickleReference: Hashable, Comparable, Sendable {
  let index: UInt32

  /// Whether one object was made before another.
  package static func < (left: PickleReference, right: PickleReference) -> Bool { left.index < right.index }
}

/// An object that a pickle built.
package enum PickleObject: Sendable {
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
  /// A tuple; ``PickleHeap/items(of:)`` gives the items of this and of other containers.
  case tuple(PickleItems)
  /// A list.
  case list(PickleItems)
  /// A set.
  case set(PickleItems)
  /// Keys and values in turn; `hasClass` for one that a call made, such as an `OrderedDict`.
  case dictionary(PickleItems, hasClass: Bool)
  /// A global: the position in ``PickleMachine/globals``.
  case global(Int)
  /// A call that was not made.
  case call(PickleCall)
  /// Something outside the pickle, by its id.
  case persistent(PickleReference)
}

/// Where the items of a container are.
package struct PickleItems: Hashable, Sendable {
  let start: Int
  /// How many there are; a dictionary has two for each key.
  package let count: Int
}

/// A call that a pickle asked for, and that was not made.
package struct PickleCall: Hashable, Sendable {
  /// What would be called: a global, in all that is let through.
  package var function: PickleReference
  /// The arguments, a tuple.
  package var arguments: PickleReference
}
