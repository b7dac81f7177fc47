// SPDX-License-Identifier: Apache-2.0
// What a file would make other programs run: what its pickles name and would have called, and code of any kind; and what
// of it could not be read. Found without calling anything. Page: formats/containers/pickle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// What a file would make other programs run.
public struct ContentSurvey: Sendable {
  /// A global that a pickle names.
  public struct Global: Sendable {
    /// Its module and name.
    public var name: String
    /// Whether the format's reader lets it through.
    public var isAllowed: Bool
    /// Where it is named first.
    public var place: Location
    /// How often it would be called.
    public var callCount: Int
  }

  /// Code that is no pickle's.
  public struct Code: Sendable {
    /// What it is.
    public var kind: CodeKind
    /// Where.
    public var place: Location
  }

  /// A call of something that is not let through.
  public struct Call: Sendable {
    /// What would be called; `nil` for the result of another call.
    public var global: String?
    /// Where.
    public var place: Location
    /// With what.
    public var arguments: [Argument]
  }

  /// An argument of a call.
  public struct Argument: Sendable {
    /// What it is: `text`, `integer`, `list of 3`.
    public var kind: String
    /// The value of a text, number or truth value, or a name.
    public var value: String?
  }

  /// The globals, in the order in which they are named.
  public private(set) var globals: [Global] = []
  /// Calls of what is not let through, in order.
  public private(set) var calls: [Call] = []
  /// Code that programs would run, and where it is.
  public private(set) var code: [Code] = []
  /// What could not be read, or was not looked into: what it holds is not listed.
  public private(set) var failures: [IngotError] = []
  /// Whether there is a pickle.
  public private(set) var hasPickles = false

  /// Starts an empty list.
  package init() {}

  /// Whether something was found that would run.
  public var hasFindings: Bool { !code.isEmpty || !calls.isEmpty || globals.contains { !$0.isAllowed } }
  /// Whether all could be read, and nothing would run but what is let through.
  public var isClean: Bool { failures.isEmpty && !hasFindings }
  /// Whether there is anything that can name code, or is code.
  public var canNameCode: Bool { hasPickles || !code.isEmpty }

  /// Arguments of a call that are listed, and bytes of a text that is one.
  private static let argumentLimit = 16
  private static let argumentByteLimit = 1000
  /// Bytes of texts that are listed in all: one text may be the argument of any number of calls.
  private var textBudget = 1 << 20

  /// Notes that something could not be read.
  package mutating func add(_ failure: IngotError) { failures.append(failure) }

  /// Adds what another survey found.
  mutating func add(_ other: ContentSurvey) {
    globals += other.globals
    calls += other.calls
    code += other.code
    failures += other.failures
    hasPickles = hasPickles || other.hasPickles
  }

  /// Notes code.
  mutating func add(_ kind: CodeKind, at place: Location) { code.append(Code(kind: kind, place: place)) }

  /// Surveys consecutive pickles in a range of a file.
  ///
  /// - Returns: whether the first of them could be run to its end, or would have called something.
  @discardableResult
  mutating func add(pickles range: Range<Int>, of source: any ByteSource, at place: Location) -> Bool {
    var next = range.lowerBound
    var isPickle = false
    while next < range.upperBound {
      var machine = PickleMachine(
        source, range: next..<range.upperBound, allowList: PyTorchGlobals.allowList, at: place, isSurvey: true
      )
      let root = add(&machine)
      isPickle = isPickle || root != nil || machine.callCount > 0
      guard root != nil, machine.end > next else { break }
      next = machine.end
    }
    return isPickle
  }

  /// Runs a pickle and adds what it names.
  ///
  /// - Parameter machine: the pickle's machine, made for a survey.
  /// - Returns: the pickle's value; `nil` when it ended early.
  @discardableResult
  mutating func add(_ machine: inout PickleMachine) -> PickleReference? {
    do throws(IngotError) {
      return try run(&machine)
    } catch {
      failures.append(error)
      return nil
    }
  }

  /// Runs a pickle and adds what it names, as far as it goes.
  ///
  /// - Throws: what ended it early.
  mutating func run(_ machine: inout PickleMachine) throws(IngotError) -> PickleReference {
    hasPickles = true
    defer { take(machine) }
    return try machine.run()
  }

  private mutating func take(_ machine: PickleMachine) {
    for (index, global) in machine.globals.enumerated() {
      globals.append(
        Global(
          name: global.name, isAllowed: machine.role(ofGlobal: index) != nil,
          place: machine.place(machine.globalOffsets[index]), callCount: machine.callCounts[index]))
    }
    for call in machine.calls {
      if let index = call.global, machine.role(ofGlobal: index) != nil { continue }
      calls.append(
        Call(
          global: call.global.map { machine.globals[$0].name }, place: machine.place(call.offset),
          arguments: shortened(Self.arguments(call.arguments, of: machine))))
    }
  }

  /// The arguments with texts cut, and left out once those listed are long enough in all.
  private mutating func shortened(_ arguments: [Argument]) -> [Argument] {
    arguments.map { argument in
      guard let value = argument.value else { return argument }
      let limit = min(Self.argumentByteLimit, textBudget)
      guard value.utf8.count > limit else {
        textBudget -= value.utf8.count
        return argument
      }
      textBudget -= limit
      let start = String(decoding: value.utf8.prefix(limit), as: UTF8.self)
      return Argument(kind: "\(argument.kind) of \(Count(value.utf8.count, "byte"))", value: start)
    }
  }

  private static func arguments(_ reference: PickleReference, of machine: PickleMachine) -> [Argument] {
    guard let items = machine.heap.items(of: reference) else { return [argument(reference, of: machine)] }
    let listed = items.prefix(argumentLimit).map { argument($0, of: machine) }
    return items.count > argumentLimit
      ? listed + [Argument(kind: "\(items.count - argumentLimit) more", value: nil)] : listed
  }

  private static func argument(_ reference: PickleReference, of machine: PickleMachine) -> Argument {
    switch machine.heap[reference] {
    case .none: Argument(kind: "none", value: nil)
    case .boolean(let value): Argument(kind: "truth value", value: String(value))
    case .integer(let number): Argument(kind: "integer", value: String(number))
    case .wideInteger(let bytes): Argument(kind: "integer of \(Count(bytes.count, "byte"))", value: nil)
    case .real(let number): Argument(kind: "number", value: String(number))
    case .text(let text): Argument(kind: "text", value: text)
    case .bytes(let bytes): Argument(kind: "\(Count(bytes.count, "byte"))", value: nil)
    case .tuple(let items): Argument(kind: "tuple of \(items.count)", value: nil)
    case .list(let items): Argument(kind: "list of \(items.count)", value: nil)
    case .set(let items): Argument(kind: "set of \(items.count)", value: nil)
    case .dictionary(let entries, _): Argument(kind: "dictionary of \(entries.count / 2)", value: nil)
    case .global(let index): Argument(kind: "global", value: machine.globals[index].name)
    case .call(let call): Argument(kind: "result", value: machine.globalName(call.function))
    case .persistent: Argument(kind: "storage", value: nil)
    }
  }
}
