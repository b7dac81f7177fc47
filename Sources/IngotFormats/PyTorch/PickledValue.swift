// SPDX-License-Identifier: Apache-2.0
// Objects of Python's standard library and of NumPy that are plain values: what a call that would make one stands for.
// Page: formats/pytorch.md, "Names"; python/cpython: Lib/pathlib, Lib/datetime.py; numpy/numpy: numpy/_core.
import IngotCore
import IngotEncodings

/// The arguments of a call, counted from zero, where they stand: one call may be met many times.
struct PickledArguments: RandomAccessCollection {
  /// The arguments as a part of what they stand in.
  let slice: ArraySlice<PickleReference>

  /// Takes arguments; none where there is nothing that holds them.
  init(_ slice: ArraySlice<PickleReference>?) { self.slice = slice ?? [] }

  var startIndex: Int { 0 }
  var endIndex: Int { slice.count }
  subscript(position: Int) -> PickleReference { slice[slice.startIndex + position] }
}

/// What a call in a pickle would make, by its class and arguments.
struct PickledValue {
  /// The class or function, by its whole name.
  var name: String
  var arguments: PickledArguments

  /// Resolves a call: helpers of `copyreg` name the class that they make as their first argument.
  init(_ call: PickleCall, in pickle: PickleMachine) {
    name = Self.className(call.function, in: pickle)
    arguments = PickledArguments(pickle.heap.items(of: call.arguments))
    guard name.hasPrefix("copyreg."), let first = arguments.first, case .global = pickle.heap[first] else {
      return
    }
    // `_reconstructor` has a base class and its value behind the class.
    let isPlain = arguments.count == 3 && pickle.globalName(arguments[1]) == "builtins.object"
    let rest = name == "copyreg._reconstructor" && isPlain ? [] : arguments.slice.dropFirst()
    name = Self.className(first, in: pickle)
    arguments = PickledArguments(rest)
  }

  /// What is called, for people: a class, the class that an old stream refers to, or what another call gave.
  private static func className(_ function: PickleReference, in pickle: PickleMachine) -> String {
    var function = function
    // Results of results: never deeper than a few.
    for _ in 0..<8 {
      switch pickle.heap[function] {
      case .global(let index): return pickle.globals[index].name
      case .call(let inner): function = inner.function
      case .persistent(let id):
        // The class of a module, with its source code; the first versions had no kind in front.
        let globals = pickle.heap.items(of: id)?.prefix(2).compactMap(pickle.globalName) ?? []
        return globals.first ?? "a persistent object"
      default: return "an object"
      }
    }
    return "an object"
  }

  /// What may be done with the globals that are interpreted here.
  static let roles: [String: PickleAllowList.Role] = {
    var roles: [String: PickleAllowList.Role] = [:]
    let types =
      recordClasses + listClasses + textClasses + pathClasses + dateClasses + arrayFunctions
      + ["collections.defaultdict", "builtins.dict", "uuid.UUID", "numpy.dtype", "numpy.ndarray"]
      + scalarFunctions
      + ["copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__"]
    for name in types { roles[name] = .type }
    for name in ["object", "int", "float", "str", "bool", "type"] { roles["builtins." + name] = .type }
    return roles
  }()

  /// Classes whose state is a dictionary of what their maker gave them.
  private static let recordClasses = ["argparse.Namespace", "types.SimpleNamespace"]
  /// Classes that hold items in a row.
  private static let listClasses =
    [
      "collections.deque", "builtins.list", "builtins.tuple", "builtins.slice", "builtins.range",
      "builtins.xrange",
    ]
  /// Classes whose one argument says it all.
  private static let textClasses =
    ["decimal.Decimal", "fractions.Fraction", "torch.torch_version.TorchVersion", "numpy.str_"]
  private static let pathClasses = ["pathlib.", "pathlib._local."].flatMap { module in
    ["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"].map { module + $0 }
  }
  private static let dateClasses = ["datetime", "date", "time", "timedelta", "timezone"].map {
    "datetime." + $0
  }
  /// Functions that make NumPy's arrays.
  static let arrayFunctions = ["numpy.core.", "numpy._core."].flatMap { module in
    ["multiarray._reconstruct", "numeric._frombuffer"].map { module + $0 }
  }

  /// Functions that make NumPy's scalars.
  private static let scalarFunctions = ["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"]

  /// Steps that it takes to tell the plain value, beside one: the bytes of a scalar that is no number.
  func stepCount(in pickle: PickleMachine) -> Int {
    guard Self.scalarFunctions.contains(name), arguments.count == 2 else { return 0 }
    let byteCount = Self.stored(arguments[1], in: pickle)?.byteCount ?? 0
    return byteCount > 64 ? byteCount : 0
  }

  /// What kind of plain value it is.
  enum Form {
    /// A dictionary of the attributes that the object was given.
    case record
    /// A dictionary: its keys and values in turn.
    case entries(ArraySlice<PickleReference>)
    /// A list.
    case items(ArraySlice<PickleReference>)
    /// A path: its parts, which are texts and not joined yet.
    case path(PickledArguments)
    /// A text, number or truth value.
    case leaf(MetadataValue)
  }

  /// Tells an object's plain value.
  ///
  /// - Parameters:
  ///   - reference: the object.
  ///   - pickle: the pickle, run.
  /// - Returns: the value; `nil` for any other object, and for arguments that its class does not take.
  func form(of reference: PickleReference, in pickle: PickleMachine) -> Form? {
    let heap = pickle.heap
    switch name {
    case _ where Self.recordClasses.contains(name):
      guard let state = pickle.lastState(of: reference), arguments.isEmpty,
        case .dictionary = heap[state]
      else { return nil }
      return .record
    case "collections.defaultdict", "builtins.dict": return .entries(heap.entries(ofCall: reference))
    case "builtins.slice", "builtins.range", "builtins.xrange": return .items(arguments.slice)
    case "collections.deque", "builtins.list", "builtins.tuple":
      // A deque has its items behind it, or as its first argument in the oldest pickles.
      guard let first = arguments.first, let items = heap.items(of: first), !items.isEmpty else {
        return .items(heap.listItems(ofCall: reference))
      }
      return .items(items)
    case _ where Self.pathClasses.contains(name):
      return arguments.allSatisfy { heap.kind(of: $0) == .text } ? .path(arguments) : nil
    default: return leaf(reference, in: pickle).map { .leaf($0) }
    }
  }

  private func leaf(_ reference: PickleReference, in pickle: PickleMachine) -> MetadataValue? {
    let heap = pickle.heap
    switch name {
    case _ where Self.textClasses.contains(name):
      if arguments.count == 2, let numerator = heap.integer(arguments[0]),
        let other = heap.integer(arguments[1])
      {
        return .string("\(numerator)/\(other)")
      }
      return arguments.count == 1 ? heap.text(arguments[0]).map { .string($0) } : nil
    case _ where Self.dateClasses.contains(name):
      return PickledDate(name, arguments, in: pickle)?.value
    case "uuid.UUID":
      guard let state = pickle.lastState(of: reference), case .dictionary(let entries, _) = heap[state]
      else {
        return nil
      }
      let items = PickledArguments(heap.items(of: entries))
      guard items.count == 2, heap.text(items[0]) == "int" else { return nil }
      switch heap[items[1]] {
      case .integer(let number): return .string(PickleLiteral.hexadecimal(number))
      case .wideInteger(let bytes): return .string(PickleLiteral.hexadecimal(bytes))
      default: return nil
      }
    case "numpy.dtype": return NumPyPickledDType(reference, in: pickle).map { .string($0.name) }
    case _ where Self.scalarFunctions.contains(name):
      return PickledArray.scalar(arguments, in: pickle)
    default: return nil
    }
  }

  /// Bytes as they stand in a pickle.
  struct StoredBytes {
    /// The object that holds them.
    let reference: PickleReference
    /// The bytes; `nil` where they are text.
    fileprivate var plain: [UInt8]?
    /// Text of Latin-1 that they are to be made of.
    fileprivate var text = ""

    /// Bytes that have to be looked at to tell them.
    var byteCount: Int { plain?.count ?? text.utf8.count }
    /// The bytes; `nil` for text that is not Latin-1.
    var bytes: [UInt8]? { plain ?? PickledValue.latin1(text) }
  }

  /// Bytes as protocols below 3 write them, as text of Latin-1 to be encoded, and as later ones do; `nil` for anything
  /// else.
  static func bytes(_ reference: PickleReference, in pickle: PickleMachine) -> [UInt8]? {
    stored(reference, in: pickle)?.bytes
  }

  /// The same before they are made of text.
  static func stored(_ reference: PickleReference, in pickle: PickleMachine) -> StoredBytes? {
    var reference = reference
    // `bytes(encode(…))`: never deeper than that.
    for _ in 0..<3 {
      switch pickle.heap[reference] {
      case .bytes(let bytes): return StoredBytes(reference: reference, plain: bytes)
      case .text(let text): return StoredBytes(reference: reference, text: text)
      case .call(let call):
        let made = PickledValue(call, in: pickle)
        guard ["_codecs.encode", "builtins.bytes", "builtins.bytearray"].contains(made.name) else {
          return nil
        }
        guard let first = made.arguments.first else { return StoredBytes(reference: reference, plain: []) }
        if made.arguments.count > 1, let encoding = pickle.heap.text(made.arguments[1]),
          !["latin1", "latin-1", "iso-8859-1"].contains(encoding)
        {
          return nil
        }
        reference = first
      default: return nil
      }
    }
    return nil
  }

  fileprivate static func latin1(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}

/// A date, a time or a difference of two, as `datetime` pickles them.
private struct PickledDate {
  /// As ISO 8601 writes it; a difference in seconds.
  let value: MetadataValue

  /// More arguments than any of them takes, and more bytes than are packed as one, in text of Latin-1.
  private static let argumentLimit = 8
  private static let byteLimit = 20

  init?(_ name: String, _ arguments: PickledArguments, in pickle: PickleMachine) {
    guard arguments.count <= Self.argumentLimit else { return nil }
    let numbers = arguments.compactMap(pickle.heap.integer)
    let stored = arguments.first.flatMap { PickledValue.stored($0, in: pickle) }
    let packed = stored.flatMap { $0.byteCount <= Self.byteLimit ? $0.bytes : nil } ?? []
    switch (name, packed.count) {
    case ("datetime.timedelta", _):
      guard numbers.count == 3, numbers.count == arguments.count, let seconds = Self.seconds(numbers) else {
        return nil
      }
      value = .float64(seconds)
    case ("datetime.timezone", _):
      guard let first = arguments.first, let zone = Self.zone(first, in: pickle) else { return nil }
      value = .string("UTC" + (zone == "+00:00" ? "" : zone))
    case ("datetime.date", 4): value = .string(Self.date(packed[...]))
    case ("datetime.time", 6): value = .string(Self.time(packed[...]) + Self.zone(arguments, in: pickle))
    case ("datetime.datetime", 10):
      value = .string(
        Self.date(packed[..<4]) + "T" + Self.time(packed[4...]) + Self.zone(arguments, in: pickle))
    default: return nil
    }
  }

  private static func seconds(_ numbers: [Int64]) -> Double? {
    Double(numbers[0]) * 86_400 + Double(numbers[1]) + Double(numbers[2]) / 1_000_000
  }

  /// The time zone behind a date or a time; nothing for none.
  private static func zone(_ arguments: PickledArguments, in pickle: PickleMachine) -> String {
    guard arguments.count > 1, case .call(let call) = pickle.heap[arguments[1]] else { return "" }
    let made = PickledValue(call, in: pickle)
    guard made.name == "datetime.timezone", let first = made.arguments.first else { return " \(made.name)" }
    return zone(first, in: pickle) ?? ""
  }

  /// A difference to UTC, from the call that makes it.
  private static func zone(_ reference: PickleReference, in pickle: PickleMachine) -> String? {
    guard case .call(let call) = pickle.heap[reference] else { return nil }
    let arguments = PickledValue(call, in: pickle).arguments
    guard arguments.count <= argumentLimit else { return nil }
    let numbers = arguments.compactMap(pickle.heap.integer)
    guard numbers.count == 3, let seconds = seconds(numbers), abs(seconds) < 86_400 else { return nil }
    let minutes = Int(abs(seconds)) / 60
    return (seconds < 0 ? "-" : "+") + padded(minutes / 60) + ":" + padded(minutes % 60)
  }

  private static func date(_ bytes: ArraySlice<UInt8>) -> String {
    let bytes = Array(bytes)
    // The highest bit of the month says which of two equal hours is meant.
    return padded(Int(bytes[0]) << 8 | Int(bytes[1]), 4) + "-" + padded(Int(bytes[2] & 0x7F)) + "-"
      + padded(Int(bytes[3]))
  }

  private static func time(_ bytes: ArraySlice<UInt8>) -> String {
    let bytes = Array(bytes)
    let micro = Int(bytes[3]) << 16 | Int(bytes[4]) << 8 | Int(bytes[5])
    let whole = bytes[..<3].map { padded(Int($0 & 0x7F)) }.joined(separator: ":")
    return micro == 0 ? whole : whole + "." + padded(micro, 6)
  }

  private static func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
