// SPDX-License-Identifier: Apache-2.0
// The tar form of PyTorch checkpoints, torch before 0.1.10: storages and tensors in members of their own, and the object's
// pickle, which calls both by numbers. Page: formats/pytorch.md, "Tar form".
import IngotBytes
import IngotCore
import IngotEncodings

/// The members of a tar archive.
struct PyTorchTar {
  private let source: any ByteSource
  private var members: [String: Range<Int>] = [:]
  /// Links and devices that were passed over, and what stands behind the archive's end and those of its members.
  private(set) var findings: [Finding] = []
  /// What the pickles name, when they are surveyed.
  private var survey: ContentSurvey?

  /// The members that torch reads or writes.
  static let names = ["sys_info", "storages", "tensors", "pickle"]

  /// Lists the members: PT-01.
  init(_ source: any ByteSource) throws(IngotError) {
    self.source = source
    let listing = try ArchiveListing(source, kind: .tar)
    findings = listing.findings
    if let tail = listing.tail { findings.append(tail.finding(in: source.path)) }
    for member in listing.members {
      guard case .plain(let offset, _) = member.storage else { continue }
      members[member.name] = offset..<(offset + member.byteCount)
    }
  }

  /// A member's range.
  private func range(_ name: String) throws(IngotError) -> Range<Int> {
    guard let range = members[name] else {
      throw .malformed(
        PyTorchRule.form.rule, at: Location(source.path), found: "a tar archive without \(name)",
        expected: "storages, tensors and pickle")
    }
    return range
  }

  /// Surveys every pickle, between numbers and elements as well.
  mutating func survey(_ survey: inout ContentSurvey) {
    self.survey = survey
    var uses: [Int: PyTorchStorages.Use] = [:]
    note("storages") { (archive, range) throws(IngotError) in uses = try archive.storages(&range).uses }
    note("tensors") { (archive, range) throws(IngotError) in _ = try archive.tensors(uses, &range) }
    note("pickle") { (archive, range) throws(IngotError) in _ = try archive.pickle("pickle", &range) }
    note("sys_info") { (_, _) in }
    survey = self.survey ?? survey
  }

  /// Reads a member by its own rules, and what stands behind that as pickles.
  private mutating func note(
    _ name: String, _ read: (inout PyTorchTar, inout Range<Int>) throws(IngotError) -> Void
  ) {
    guard var range = members[name] else { return }
    let (source, place) = (source, place(of: name))
    do throws(IngotError) {
      try read(&self, &range)
      survey?.add(pickles: range, of: source, at: place)
    } catch {
      survey?.add(error)
    }
  }

  /// A member's place, whose offset is that of the archive's first byte.
  private func place(of name: String) -> Location {
    Location(source.path, member: name, offset: -(members[name]?.lowerBound ?? 0))
  }

  /// Runs the pickle at a place of a member, which it moves behind the pickle.
  private mutating func pickle(
    _ name: String, _ range: inout Range<Int>
  ) throws(IngotError) -> (machine: PickleMachine, root: PickleReference) {
    var machine = PickleMachine(
      source, range: range, allowList: PyTorchGlobals.allowList, at: place(of: name), isSurvey: survey != nil)
    let root = survey == nil ? try machine.run() : try survey?.run(&machine)
    guard let root else { throw .internal("a pickle without a value") }
    range = machine.end..<range.upperBound
    return (machine, root)
  }

  /// The items of a pickle that is a tuple of so many.
  private mutating func items(_ name: String, _ range: inout Range<Int>, count: Int) throws(IngotError)
    -> [Item]
  {
    let (machine, root) = try pickle(name, &range)
    guard let items = machine.heap.items(of: root), items.count == count else {
      throw PyTorchStorages.badID("a pickle that is not a tuple of \(count)", machine)
    }
    return items.map {
      Item(
        number: Self.number($0, machine), kind: machine.globalName($0).flatMap(PyTorchGlobals.storageClass))
    }
  }

  private struct Item {
    var number: Int?
    var kind: PyTorchGlobals.StorageClass?
  }

  /// A number, or the digits of one.
  private static func number(_ reference: PickleReference, _ machine: PickleMachine) -> Int? {
    switch machine.heap[reference] {
    case .integer(let number): Int(exactly: number)
    case .text(let text): Int(text)
    case .bytes(let digits): Int(String(decoding: digits, as: UTF8.self))
    default: nil
    }
  }

  private mutating func count(_ name: String, _ range: inout Range<Int>) throws(IngotError) -> Int {
    let (machine, root) = try pickle(name, &range)
    // Each has a pickle of its own, of some bytes.
    guard let count = Self.number(root, machine), (0...range.count).contains(count) else {
      throw PyTorchStorages.badID("a count of \(words: name) that is none", machine)
    }
    return count
  }

  /// Reads the storages, the tensors and the object.
  mutating func read() throws(IngotError) -> (PickleMachine, PickleReference, PyTorchStorages) {
    var storageRange = try range("storages")
    var (storages, uses) = try storages(&storageRange)
    var tensorRange = try range("tensors")
    let tensors = try tensors(uses, &tensorRange)
    var range = try range("pickle")
    let (machine, root) = try pickle("pickle", &range)
    for (name, rest) in [("storages", storageRange), ("tensors", tensorRange), ("pickle", range)] {
      findings += PyTorchFormat.rest(rest.count, behind: name)
    }
    var objects: [(PickleReference, PyTorchStorages.Use)] = []
    var outside: [PickleReference: PyTorchStorages.OutsideTensor] = [:]
    for object in machine.persistents {
      guard case .persistent(let id) = machine.heap[object], let key = Self.number(id, machine) else {
        continue
      }
      if let tensor = tensors[key] {
        outside[object] = tensor
      } else if let use = uses[key] {
        objects.append((object, use))
      } else {
        throw PyTorchStorages.badID("the number \(key) of no tensor and no storage", machine)
      }
    }
    for index in storages.indices { storages[index].key = String(index) }
    return (machine, root, PyTorchStorages(storages, uses: objects, tensors: outside))
  }

  /// For each storage a pickle of its number, place and class, the count of its elements and the elements; then the views.
  private mutating func storages(
    _ range: inout Range<Int>
  ) throws(IngotError) -> (all: [PyTorchStorage], uses: [Int: PyTorchStorages.Use]) {
    var storages: [PyTorchStorage] = []
    var uses: [Int: PyTorchStorages.Use] = [:]
    for _ in 0..<(try count("storages", &range)) {
      let items = try items("storages", &range, count: 3)
      guard let key = items[0].number, let kind = items[2].kind, uses[key] == nil else {
        throw malformed(
          .storageID, "storages", range.lowerBound, "a storage without a number or a class", "both")
      }
      let width = PyTorchStorages.width(of: kind)
      var cursor = ByteCursor(try source.bytes(at: range.lowerBound, count: min(8, range.count)))
      guard let count = cursor.count64(), let byteCount = count.checkedMultiply(width),
        byteCount <= range.count - 8
      else {
        throw malformed(
          .storageData, "storages", range.lowerBound, "the end inside a storage", "all its elements")
      }
      let segment = StorageSegment(file: 0, offset: range.lowerBound + 8, byteCount: byteCount)
      uses[key] = PyTorchStorages.Use(storage: storages.count, kind: kind, range: 0..<byteCount)
      storages.append(
        PyTorchStorage(
          key: String(key), kind: kind, byteCount: byteCount, place: PyTorchStorage.Place(segment: segment)))
      range = (segment.offset + byteCount)..<range.upperBound
    }
    try addViews(&uses, &range)
    return (storages, uses)
  }

  /// Storages that are parts of others: the number, the other's number, an offset and a count of elements.
  private mutating func addViews(_ uses: inout [Int: PyTorchStorages.Use], _ range: inout Range<Int>)
    throws(IngotError)
  {
    let (machine, root) = try pickle("storages", &range)
    for view in machine.heap.items(of: root) ?? [] {
      let numbers = machine.heap.items(of: view)?.map { Self.number($0, machine) } ?? []
      guard numbers.count == 4, let key = numbers[0], let root = numbers[1].flatMap({ uses[$0] }) else {
        throw PyTorchStorages.badID("a view of no storage", machine)
      }
      let width = PyTorchStorages.width(of: root.kind)
      guard let offset = numbers[2]?.checkedMultiply(width), let count = numbers[3]?.checkedMultiply(width),
        offset >= 0, count >= 0, let end = offset.checkedAdd(count), end <= root.range.count
      else { throw PyTorchStorages.badID("a view beyond its storage", machine) }
      var use = root
      use.range = (root.range.lowerBound + offset)..<(root.range.lowerBound + end)
      uses[key] = use
    }
  }

  /// For each tensor a pickle of its number, its storage's and its class; its rank, sizes, strides and offset.
  private mutating func tensors(
    _ uses: [Int: PyTorchStorages.Use], _ range: inout Range<Int>
  ) throws(IngotError) -> [Int: PyTorchStorages.OutsideTensor] {
    var tensors: [Int: PyTorchStorages.OutsideTensor] = [:]
    for _ in 0..<(try count("tensors", &range)) {
      let items = try items("tensors", &range, count: 3)
      guard let key = items[0].number, let use = items[1].number.flatMap({ uses[$0] }) else {
        throw malformed(.storageID, "tensors", range.lowerBound, "a tensor of no storage", "one")
      }
      var cursor = ByteCursor(try source.bytes(at: range.lowerBound, count: min(range.count, 16 + 16 * 64)))
      // The rank has eight bytes, of which the writer of the last versions fills four.
      guard let rank = cursor.little(UInt32.self), rank <= 64, cursor.bytes(4) != nil else {
        throw malformed(.tensorArguments, "tensors", range.lowerBound, "a rank over 64, or the end", "sizes")
      }
      var numbers: [Int] = []
      for _ in 0..<(2 * Int(rank) + 1) {
        guard let number = cursor.little(UInt64.self).map({ Int(Int64(bitPattern: $0)) }) else {
          throw malformed(
            .tensorArguments, "tensors", range.lowerBound, "the end", "sizes, strides and an offset")
        }
        numbers.append(number)
      }
      tensors[key] = PyTorchStorages.OutsideTensor(
        use: use, offset: numbers[2 * Int(rank)], sizes: Array(numbers[..<Int(rank)]),
        strides: Array(numbers[Int(rank)..<(2 * Int(rank))]))
      range = (range.lowerBound + cursor.offset)..<range.upperBound
    }
    return tensors
  }

  private func malformed(
    _ rule: PyTorchRule, _ member: String, _ offset: Int, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    let start = members[member]?.lowerBound ?? 0
    return .malformed(
      rule.rule, at: Location(source.path, member: member, offset: offset - start), found: found,
      expected: expected)
  }
}
