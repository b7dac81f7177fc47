// SPDX-License-Identifier: Apache-2.0
// The objects of one pickle in a table of eight bytes each. A few bytes of a pickle make an object, so that what an object
// takes decides what a hostile one can ask for.
import IngotCore

/// The objects of one pickle.
package struct PickleHeap: Sendable {
  private var words = PickleArena<Word>()
  /// The items of all containers.
  private var items = PickleArena<PickleReference>()
  /// Where the items of lists, sets and dictionaries are; tuples, which stay as they are, need none.
  private var containers = PickleArena<Container>()
  /// Short texts and bytes.
  private var shortBytes = PickleArena<UInt8>()
  /// Calls whose results were given items.
  private var objects = PickleArena<Object>()
  private var longTexts = PickleArena<String>()
  private var longBytes = PickleArena<[UInt8]>()
  private var numbers = PickleArena<UInt64>()
  private var smallIntegers = [PickleReference?](repeating: nil, count: 1025)
  private var singles: [PickleReference?] = [nil, nil, nil, nil]

  /// Objects made so far; those that are equal by nature, such as `None`, are made once.
  package private(set) var count = 0
  /// Places in containers filled so far.
  private(set) var itemCount = 0

  /// Texts and bytes up to this length stand in a table of bytes; a Swift string holds as many without a place of its own.
  private static let shortByteCount = 15

  /// An object in eight bytes: a kind, a count of 26 bits and a position of 33.
  private struct Word {
    var bits: UInt64

    init(_ kind: Kind, position: Int = 0, count: Int = 0) {
      bits =
        UInt64(kind.rawValue) | UInt64(truncatingIfNeeded: count) << 5
        | UInt64(truncatingIfNeeded: position) << 31
    }

    var kind: Kind { Kind(rawValue: UInt8(bits & 31)) ?? .none }
    var count: Int { Int(bits >> 5 & 0x3FF_FFFF) }
    var position: Int { Int(bits >> 31) }
  }

  private enum Kind: UInt8 {
    case none, boolean, integer, wideInteger, real, shortText, longText, shortBytes, longBytes
    case tuple, list, set, dictionary, mapping, global, call, object, persistent
  }

  /// A call with the containers of the items that its result was given.
  private struct Object {
    var call: PickleCall
    var list: PickleReference?
    var entries: PickleReference?
  }

  private struct Container {
    var start: UInt32
    var count: UInt32
    var capacity: UInt32
  }

  private enum Single: Int { case none, yes, no, emptyTuple }

  init() {}

  /// The object behind a reference.
  package subscript(reference: PickleReference) -> PickleObject {
    let word = words[Int(reference.index)]
    switch word.kind {
    case .none: return .none
    case .boolean: return .boolean(word.count == 1)
    case .integer: return .integer(Int64(bitPattern: numbers[word.position]))
    case .wideInteger: return .wideInteger(longBytes[word.position])
    case .real: return .real(Double(bitPattern: numbers[word.position]))
    case .shortText: return .text(String(decoding: shortBytes[word.position, word.count], as: UTF8.self))
    case .longText: return .text(longTexts[word.position])
    case .shortBytes: return .bytes(Array(shortBytes[word.position, word.count]))
    case .longBytes: return .bytes(longBytes[word.position])
    case .tuple: return .tuple(PickleItems(start: word.position, count: word.count))
    case .list: return .list(items(in: word))
    case .set: return .set(items(in: word))
    case .dictionary: return .dictionary(items(in: word), hasClass: false)
    case .mapping: return .dictionary(items(in: word), hasClass: true)
    case .global: return .global(word.position)
    case .call:
      return .call(
        PickleCall(
          function: PickleReference(index: UInt32(word.count)),
          arguments: PickleReference(index: UInt32(word.position))))
    case .object: return .call(objects[word.position].call)
    case .persistent: return .persistent(PickleReference(index: UInt32(word.position)))
    }
  }

  /// Where the items of a list, set or dictionary are.
  private func items(in word: Word) -> PickleItems {
    guard word.position > 0 else { return PickleItems(start: 0, count: 0) }
    let container = containers[word.position - 1]
    return PickleItems(start: Int(container.start), count: Int(container.count))
  }

  /// What kind of object one is, without a copy of its text or bytes.
  package enum ObjectKind { case call, persistent, text, other }

  /// What kind of object stands behind a reference.
  package func kind(of reference: PickleReference) -> ObjectKind {
    switch words[Int(reference.index)].kind {
    case .call, .object: .call
    case .persistent: .persistent
    case .shortText, .longText: .text
    default: .other
    }
  }

  /// The items of a container; those of a dictionary are keys and values in turn.
  package func items(of items: PickleItems) -> ArraySlice<PickleReference> {
    self.items[items.start, items.count]
  }

  /// The items of a tuple or list; `nil` for anything else.
  package func items(of reference: PickleReference) -> ArraySlice<PickleReference>? {
    switch self[reference] {
    case .tuple(let items), .list(let items): self.items(of: items)
    default: nil
    }
  }

  /// The items that the result of a call was given, as a list is.
  package func listItems(ofCall reference: PickleReference) -> ArraySlice<PickleReference> {
    guard let list = object(reference)?.list else { return [] }
    return items(of: list) ?? []
  }

  /// The keys and values, in turn, that the result of a call was given, as a dictionary is.
  package func entries(ofCall reference: PickleReference) -> ArraySlice<PickleReference> {
    guard let entries = object(reference)?.entries, case .dictionary(let items, _) = self[entries] else {
      return []
    }
    return self.items(of: items)
  }

  private func object(_ reference: PickleReference) -> Object? {
    let word = words[Int(reference.index)]
    return word.kind == .object ? objects[word.position] : nil
  }

  /// The text behind a reference; `nil` for anything else.
  package func text(_ reference: PickleReference) -> String? {
    if case .text(let text) = self[reference] { text } else { nil }
  }

  /// The integer behind a reference; `nil` for anything else.
  package func integer(_ reference: PickleReference) -> Int64? {
    if case .integer(let number) = self[reference] { number } else { nil }
  }

  // MARK: - Building

  private mutating func add(_ word: Word) -> PickleReference {
    count += 1
    return PickleReference(index: UInt32(words.append(word)))
  }

  private mutating func single(_ single: Single, _ word: Word) -> PickleReference {
    if let known = singles[single.rawValue] { return known }
    let made = add(word)
    singles[single.rawValue] = made
    return made
  }

  mutating func none() -> PickleReference { single(.none, Word(.none)) }

  mutating func boolean(_ value: Bool) -> PickleReference {
    single(value ? .yes : .no, Word(.boolean, count: value ? 1 : 0))
  }

  /// An integer; small ones, of which shapes and lists are full, are made once.
  mutating func integer(_ number: Int64) -> PickleReference {
    guard (-1...1023).contains(number) else {
      return add(Word(.integer, position: numbers.append(UInt64(bitPattern: number))))
    }
    if let known = smallIntegers[Int(number + 1)] { return known }
    let made = add(Word(.integer, position: numbers.append(UInt64(bitPattern: number))))
    smallIntegers[Int(number + 1)] = made
    return made
  }

  mutating func integer(_ integer: PickleLiteral.Integer) -> PickleReference {
    switch integer {
    case .narrow(let number): self.integer(number)
    case .wide(let bytes): add(Word(.wideInteger, position: longBytes.append(bytes)))
    }
  }

  mutating func real(_ number: Double) -> PickleReference {
    add(Word(.real, position: numbers.append(number.bitPattern)))
  }

  mutating func text(_ text: String) -> PickleReference {
    let byteCount = text.utf8.count
    guard byteCount <= Self.shortByteCount else {
      return add(Word(.longText, position: longTexts.append(text)))
    }
    return add(Word(.shortText, position: shortBytes.append(text.utf8), count: byteCount))
  }

  mutating func bytes(_ bytes: [UInt8]) -> PickleReference {
    guard bytes.count <= Self.shortByteCount else {
      return add(Word(.longBytes, position: longBytes.append(bytes)))
    }
    return add(Word(.shortBytes, position: shortBytes.append(bytes), count: bytes.count))
  }

  /// Text of Python 2, or of bytes: text where it is UTF-8.
  mutating func text(python2 bytes: [UInt8]) -> PickleReference {
    String(validating: bytes, as: UTF8.self).map { text($0) } ?? self.bytes(bytes)
  }

  mutating func global(_ index: Int) -> PickleReference { add(Word(.global, position: index)) }

  mutating func call(_ function: PickleReference, _ arguments: PickleReference) -> PickleReference {
    add(Word(.call, position: Int(arguments.index), count: Int(function.index)))
  }

  mutating func persistent(_ id: PickleReference) -> PickleReference {
    add(Word(.persistent, position: Int(id.index)))
  }

  mutating func tuple(_ items: ArraySlice<PickleReference>) -> PickleReference {
    guard !items.isEmpty else { return single(.emptyTuple, Word(.tuple)) }
    itemCount += items.count
    return add(Word(.tuple, position: self.items.append(items), count: items.count))
  }

  mutating func list(_ items: ArraySlice<PickleReference> = []) -> PickleReference {
    add(Word(.list, position: container(items)))
  }

  mutating func set(_ items: ArraySlice<PickleReference> = []) -> PickleReference {
    add(Word(.set, position: container(items)))
  }

  mutating func dictionary(
    _ items: ArraySlice<PickleReference> = [], hasClass: Bool = false
  ) -> PickleReference {
    add(Word(hasClass ? .mapping : .dictionary, position: container(items)))
  }

  /// Room for items; 0 for none, so that an empty container takes nothing more.
  private mutating func container(_ items: ArraySlice<PickleReference>) -> Int {
    guard !items.isEmpty else { return 0 }
    itemCount += items.count
    let start = self.items.append(items)
    let count = UInt32(items.count)
    return containers.append(Container(start: UInt32(start), count: count, capacity: count)) + 1
  }

  /// Adds items to a list or to the result of a call; `false` when it is neither.
  mutating func append(_ items: ArraySlice<PickleReference>, toList reference: PickleReference) -> Bool {
    if makeObject(of: reference) {
      let list = object(reference)?.list ?? list()
      objects[words[Int(reference.index)].position].list = list
      append(items, to: list)
      return true
    }
    guard words[Int(reference.index)].kind == .list else { return false }
    append(items, to: reference)
    return true
  }

  /// Adds items to a set or to the result of a call; `false` when it is neither.
  mutating func append(_ items: ArraySlice<PickleReference>, toSet reference: PickleReference) -> Bool {
    if makeObject(of: reference) { return append(items, toList: reference) }
    guard words[Int(reference.index)].kind == .set else { return false }
    append(items, to: reference)
    return true
  }

  /// Adds keys and values in turn to a dictionary or to the result of a call; `false` when it is neither.
  mutating func append(
    _ items: ArraySlice<PickleReference>, toDictionary reference: PickleReference
  ) -> Bool {
    if makeObject(of: reference) {
      let entries = object(reference)?.entries ?? dictionary()
      objects[words[Int(reference.index)].position].entries = entries
      append(items, to: entries)
      return true
    }
    guard [.dictionary, .mapping].contains(words[Int(reference.index)].kind) else { return false }
    append(items, to: reference)
    return true
  }

  /// Gives the result of a call room for items; `false` when it is no call.
  private mutating func makeObject(of reference: PickleReference) -> Bool {
    let kind = words[Int(reference.index)].kind
    guard kind == .call, case .call(let call) = self[reference] else { return kind == .object }
    words[Int(reference.index)] = Word(.object, position: objects.append(Object(call: call)))
    return true
  }

  private mutating func append(_ items: ArraySlice<PickleReference>, to reference: PickleReference) {
    let word = words[Int(reference.index)]
    guard word.position > 0 else {
      words[Int(reference.index)] = Word(word.kind, position: container(items))
      return
    }
    itemCount += items.count
    var container = containers[word.position - 1]
    var capacity = Int(container.capacity)
    let start = self.items.extend(
      items, start: Int(container.start), count: Int(container.count), capacity: &capacity, filler: reference)
    container.start = UInt32(start)
    container.count += UInt32(items.count)
    container.capacity = UInt32(capacity)
    containers[word.position - 1] = container
  }
}
