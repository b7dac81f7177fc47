// SPDX-License-Identifier: Apache-2.0
// The storages that a checkpoint's pickle refers to by persistent ids, and where their bytes are.
import IngotCore
import IngotEncodings

/// A storage: a run of elements that tensors are views of.
struct PyTorchStorage {
  /// The key by which the pickle calls it.
  var key: String
  /// What its elements are.
  var kind: PyTorchGlobals.StorageClass
  /// Its bytes, by what the pickle says.
  var byteCount: Int
  /// Where its bytes are, once known.
  var place: Place?
  /// Why its bytes can't be read, where that is so: no matter for tensors that are not wanted.
  var failure: IngotError?

  /// Where a storage's bytes are.
  struct Place {
    /// The range of the file, compressed where the codec compresses.
    var segment: StorageSegment
    var codec: StorageCodec = .raw
    var checksum: StoredChecksum?
  }
}

/// The storages of one pickle, by key and by the objects that stand for them.
struct PyTorchStorages {
  /// The storages, in the order in which the pickle names them.
  private(set) var all: [PyTorchStorage] = []
  private var indexes: [ExactName: Int] = [:]
  /// The same by the key's object: a long key that many ids share is hashed once.
  private var indexesByObject: [PickleReference: Int] = [:]
  /// In the order of the objects.
  private var uses: [(object: PickleReference, use: Use)] = []

  /// Tensors of the first versions' tar archives, which stand outside the pickle as storages do.
  private var outside: [PickleReference: OutsideTensor] = [:]

  /// A tensor that the pickle refers to by a number.
  struct OutsideTensor {
    var use: Use
    var offset: Int
    var sizes: [Int]
    var strides: [Int]
  }

  /// What an object stands for.
  struct Use {
    /// The position in ``PyTorchStorages/all``.
    var storage: Int
    /// The elements as this use calls them.
    var kind: PyTorchGlobals.StorageClass
    /// The bytes of it that are meant; old streams know views of storages.
    var range: Range<Int>
  }

  /// Bytes of all storages.
  private(set) var byteCount = 0

  /// Reads every persistent id of a pickle: PT-12, and that the ids of one storage agree.
  ///
  /// - Parameters:
  ///   - pickle: the pickle, run.
  ///   - hasViews: whether ids have a sixth item, a view of the storage.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)``.
  init(_ pickle: PickleMachine, hasViews: Bool) throws(IngotError) {
    let steps = PyTorchTree.stepsPerTensor * pickle.persistents.count
    guard steps <= PyTorchTree.steps(for: pickle) else {
      throw .malformed(
        PyTorchRule.work.rule, at: pickle.wholePlace, found: "\(pickle.persistents.count) persistent ids",
        expected: "at most \(PyTorchTree.steps(for: pickle) / PyTorchTree.stepsPerTensor)")
    }
    for object in pickle.persistents {
      guard case .persistent(let id) = pickle.heap[object] else { continue }
      // A stream of the first versions refers to the class of a module, with its source code, by an id too.
      if hasViews, let items = pickle.heap.items(of: id), let kind = items.first, items.count > 1,
        pickle.heap.text(kind) == "module", pickle.globalName(items[items.startIndex + 1]) != nil
      {
        continue
      }
      uses.append((object, try use(id, itemCount: hasViews ? 6 : 5, of: pickle)))
    }
  }

  /// Takes over the storages of a tar archive, with what each persistent object stands for.
  init(
    _ storages: [PyTorchStorage], uses: [(PickleReference, Use)], tensors: [PickleReference: OutsideTensor]
  ) {
    all = storages
    self.uses = uses
    outside = tensors
    byteCount = storages.reduce(0) { $0 + $1.byteCount }
  }

  /// The tensor that a persistent object stands for, in a tar archive.
  func outsideTensor(_ reference: PickleReference) -> OutsideTensor? { outside[reference] }

  /// The storage that an object stands for; `nil` for an object that is none.
  func use(_ reference: PickleReference) -> Use? {
    var range = uses.indices
    while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
      if uses[middle].object == reference { return uses[middle].use }
      range = uses[middle].object < reference ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  /// The position of a storage by its key.
  func index(ofKey key: String) -> Int? { indexes[ExactName(key)] }

  /// Says why a storage's bytes can't be read.
  mutating func fail(_ index: Int, with error: IngotError) { all[index].failure = error }

  /// Says where a storage's bytes are.
  mutating func place(_ index: Int, at place: PyTorchStorage.Place) { all[index].place = place }

  private mutating func use(
    _ id: PickleReference, itemCount: Int, of pickle: PickleMachine
  ) throws(IngotError) -> Use {
    let heap = pickle.heap
    guard case .tuple(let tuple) = heap[id] else { throw Self.badID("an id that is not a tuple", pickle) }
    let items = Array(heap.items(of: tuple))
    guard let kindName = items.first.flatMap(heap.text) else {
      throw Self.badID("an id without a kind", pickle)
    }
    guard kindName == "storage" else { throw Self.badID(.value(kindName), pickle) }
    guard items.count == itemCount else { throw Self.badID("an id of \(items.count, "item")", pickle) }
    guard let className = pickle.globalName(items[1]),
      let kind = PyTorchGlobals.storageClass(named: className)
    else { throw Self.badID("a storage of no class of storages", pickle) }
    guard let key = heap.text(items[2]) else { throw Self.badID("a storage whose key is not text", pickle) }
    let width = Self.width(of: kind)
    guard let count = heap.integer(items[4]).flatMap({ Int(exactly: $0) }), count >= 0,
      let byteCount = count.checkedMultiply(width)
    else { throw Self.badID("storage \(key) without a count of elements", pickle) }
    let index = try self.index(key, items[2], kind, byteCount, pickle)
    let range =
      items.count == 6 ? try Self.view(items[5], of: byteCount, width: width, pickle) : 0..<byteCount
    return Use(storage: index, kind: kind, range: range)
  }

  static func width(of kind: PyTorchGlobals.StorageClass) -> Int {
    if case .typed(let dtype) = kind { dtype.byteWidth ?? 1 } else { 1 }
  }

  /// Finds or adds a storage; two ids of one storage must tell the same of it.
  private mutating func index(
    _ key: String, _ object: PickleReference, _ kind: PyTorchGlobals.StorageClass, _ byteCount: Int,
    _ pickle: PickleMachine
  ) throws(IngotError) -> Int {
    let known = indexesByObject[object] ?? indexes[ExactName(key)]
    defer { indexesByObject[object] = known ?? all.count - 1 }
    guard let known else {
      guard let total = self.byteCount.checkedAdd(byteCount) else {
        throw Self.badID("storages whose bytes overflow", pickle)
      }
      self.byteCount = total
      indexes[ExactName(key)] = all.count
      all.append(PyTorchStorage(key: key, kind: kind, byteCount: byteCount, place: nil))
      return all.count - 1
    }
    guard all[known].byteCount == byteCount else {
      throw Self.badID(
        "storage \(key) of \(byteCount, "byte"), and before of \(all[known].byteCount)", pickle)
    }
    return known
  }

  /// A view of a storage: a key of its own, an offset and a count of elements.
  private static func view(
    _ reference: PickleReference, of byteCount: Int, width: Int, _ pickle: PickleMachine
  ) throws(IngotError) -> Range<Int> {
    let heap = pickle.heap
    if case .none = heap[reference] { return 0..<byteCount }
    guard let items = heap.items(of: reference).map(Array.init), items.count == 3,
      let offset = heap.integer(items[1]).flatMap({ Int(exactly: $0)?.checkedMultiply(width) }),
      let count = heap.integer(items[2]).flatMap({ Int(exactly: $0)?.checkedMultiply(width) }),
      offset >= 0, count >= 0, let end = offset.checkedAdd(count), end <= byteCount
    else { throw badID("a view beyond its storage", pickle) }
    return offset..<end
  }

  static func badID(_ found: Evidence, _ pickle: PickleMachine) -> IngotError {
    .malformed(
      PyTorchRule.storageID.rule, at: pickle.wholePlace, found: found,
      expected: "a storage's class, key, place and count of elements")
  }
}

extension PickleMachine {
  /// The pickle as a place, where no instruction is to be named.
  var wholePlace: Location {
    var place = place(0)
    place.offset = nil
    return place
  }
}
