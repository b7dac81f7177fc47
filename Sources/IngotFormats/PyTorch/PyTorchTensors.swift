// SPDX-License-Identifier: Apache-2.0
// From a call that would rebuild a tensor to the tensor's description: a view of a storage, held against its bytes.
// Page: formats/pytorch.md, "Tensors".
import IngotCore
import IngotEncodings

/// Interprets calls that rebuild tensors.
struct PyTorchTensors {
  /// The pickle.
  let pickle: PickleMachine
  /// Its storages, each with its place.
  let storages: PyTorchStorages
  /// The order of bytes in them.
  let byteOrder: ByteOrder
  /// The elements of NumPy's arrays, which stand in the pickle: the bytes of a second file.
  private(set) var arrayBytes: [UInt8] = []
  /// Where the elements of an object are in these bytes; `nil` for those that are none.
  private var arrayRanges: [PickleReference: Range<Int>?] = [:]

  /// Prepares to interpret what a pickle built.
  init(pickle: PickleMachine, storages: PyTorchStorages, byteOrder: ByteOrder) {
    self.pickle = pickle
    self.storages = storages
    self.byteOrder = byteOrder
  }

  /// The most dimensions of a tensor: what torch's own loops over tensors take.
  static let rankLimit = 64

  /// A tensor without its name.
  struct View: Hashable {
    var dtype: DType
    var shape: Shape
    var storage: TensorStorage

    /// Whether a tensor is this view.
    func describes(_ tensor: TensorDescriptor) -> Bool {
      dtype == tensor.dtype && shape == tensor.shape && storage == tensor.storage
    }
  }

  /// Numbers of a view before they are checked.
  private struct Request {
    var storage: PyTorchStorages.Use
    var dtype: DType
    var offset: Int
    var shape: Shape
    var strides: [Int]
    var sign = SignChange.none
  }

  /// Whether an object is a tensor, or would be one.
  func isTensor(_ reference: PickleReference) -> Bool {
    switch pickle.heap[reference] {
    case .persistent: return storages.use(reference) != nil || storages.outsideTensor(reference) != nil
    case .call(let call):
      guard let name = pickle.globalName(call.function) else { return consumesData(call) }
      if name.hasPrefix("torch._utils._rebuild") || Self.wrappers.contains(name) { return true }
      if name.hasPrefix("torch."), name.hasSuffix("Tensor") { return true }
      if PickledValue.arrayFunctions.contains(name) {
        return PickledArray(reference, in: pickle)?.isTensor == true
      }
      return PyTorchGlobals.allowList.role(of: name) == nil && consumesData(call)
    default: return false
    }
  }

  /// Whether what is not known would be made of tensors or storages: what it makes of their numbers is not known either.
  private func consumesData(_ call: PickleCall) -> Bool {
    (pickle.heap.items(of: call.arguments) ?? []).contains { argument in
      switch pickle.heap.kind(of: argument) {
      case .persistent: storages.use(argument) != nil || storages.outsideTensor(argument) != nil
      case .call: isRebuilt(argument)
      default: false
      }
    }
  }

  /// Whether an object is a tensor by the function that would make it.
  private func isRebuilt(_ reference: PickleReference) -> Bool {
    guard case .call(let call) = pickle.heap[reference], let name = pickle.globalName(call.function) else {
      return false
    }
    return name.hasPrefix("torch._utils._rebuild") || Self.wrappers.contains(name)
  }

  private static let wrappers = ["torch._tensor._rebuild_from_type_v2", "torch.nn.parameter.Parameter"]

  /// The tensor that an object stands for.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PT-14 or PT-15, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for kinds of tensors that are not read.
  mutating func view(_ reference: PickleReference, name: String) throws(IngotError) -> View {
    let location = location(name)
    var reference = reference
    // A parameter holds a tensor, which a subclass may wrap: never deeper than a few.
    for _ in 0..<8 {
      guard case .call(let call) = pickle.heap[reference] else { return try bare(reference, at: location) }
      let function = PickledValue(call, in: pickle).name
      let arguments = PickledArguments(pickle.heap.items(of: call.arguments))
      switch function {
      case _ where Self.arities[function] != nil:
        return try view(arguments, function: function, at: location)
      case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch.nn.parameter.Parameter", "torch._utils._rebuild_device_tensor_from_cpu_tensor",
        "torch._utils._rebuild_device_tensor_from_numpy", "torch._utils._rebuild_xla_tensor":
        guard let inner = arguments.first else {
          throw malformed("a parameter without a tensor", at: location)
        }
        reference = inner
      case "torch._tensor._rebuild_from_type_v2":
        return try view(ofSubclass: arguments, at: location)
      default:
        if let array = PickledArray(reference, in: pickle) { return try view(of: array, at: location) }
        if let arguments = legacyArguments(reference, function) {
          return try view(arguments, function: "torch._utils._rebuild_tensor", at: location)
        }
        throw .unsupported("a tensor made by \(function); dense tensors are read", at: location)
      }
    }
    throw malformed("parameters inside parameters", at: location)
  }

  /// What a tensor is rebuilt of by functions that take a storage, with the most and fewest arguments of each.
  private static let arities: [String: ClosedRange<Int>] = [
    "torch._utils._rebuild_tensor": 4...4, "torch._utils._rebuild_tensor_v2": 6...7,
    "torch._utils._rebuild_tensor_v3": 7...8,
  ]

  /// The storage, offset, sizes and strides that the first versions of torch gave to an empty tensor as its state.
  private func legacyArguments(_ reference: PickleReference, _ name: String) -> PickledArguments? {
    guard name.hasPrefix("torch."), name.hasSuffix("Tensor"), !name.contains("sparse."),
      let state = pickle.lastState(of: reference), let items = pickle.heap.items(of: state),
      items.count == 4
    else { return nil }
    return PickledArguments(items)
  }

  /// An array of NumPy's.
  private mutating func view(of array: PickledArray, at location: Location) throws(IngotError) -> View {
    guard let dtype = array.knownDType, let parsed = array.dtype.dtype else {
      throw .unsupported("an array of \(array.dtype.descr); arrays of numbers are read", at: location)
    }
    let elements = elements(of: array)
    guard let shape = Shape(array.shape), let byteCount = shape.byteCount(of: dtype), let elements,
      byteCount == elements.count
    else {
      throw malformed(
        "an array of \(elements?.count ?? 0, "byte") for \(array.shape.count) sizes of \(dtype)", at: location
      )
    }
    let storage = TensorStorage(
      StorageSegment(file: 1, offset: elements.lowerBound, byteCount: byteCount), byteOrder: parsed.byteOrder,
      layout: array.isColumnMajor && shape.rank > 1 ? .columnMajor : .rowMajor)
    return View(dtype: dtype, shape: shape, storage: storage)
  }

  /// The bytes of an array's elements; those that many arrays share are taken over once.
  private mutating func elements(of array: PickledArray) -> Range<Int>? {
    guard let stored = PickledValue.stored(array.elements, in: pickle) else { return nil }
    if let known = arrayRanges[stored.reference] { return known }
    guard let bytes = stored.bytes else {
      arrayRanges[stored.reference] = .some(nil)
      return nil
    }
    let start = arrayBytes.count
    arrayBytes += bytes
    arrayRanges[stored.reference] = start..<arrayBytes.count
    return start..<arrayBytes.count
  }

  /// The states that were given to a tensor, and to what it wraps: attributes that Python code reads.
  func states(of reference: PickleReference) -> [PickleReference] {
    var states: [PickleReference] = []
    var reference = reference
    for _ in 0..<8 {
      guard case .call(let call) = pickle.heap[reference], let function = pickle.globalName(call.function),
        let arguments = pickle.heap.items(of: call.arguments).map(PickledArguments.init)
      else { break }
      if legacyArguments(reference, function) == nil, !PickledValue.arrayFunctions.contains(function) {
        states += pickle.states(of: reference)
      }
      let isWrapped =
        Self.wrappers.contains(function) || function.hasPrefix("torch._utils._rebuild_parameter")
      let hasState = function.hasSuffix("_with_state") || function == "torch._tensor._rebuild_from_type_v2"
      if hasState, arguments.count > 3 { states.append(arguments[3]) }
      guard isWrapped, function != "torch._tensor._rebuild_from_type_v2", let inner = arguments.first else {
        break
      }
      reference = inner
    }
    return states
  }

  /// Whether gradients are kept for a tensor: a mark of parameters, which no other format has.
  func requiresGradient(_ reference: PickleReference) -> Bool {
    guard case .call(let call) = pickle.heap[reference], let function = pickle.globalName(call.function),
      let arguments = pickle.heap.items(of: call.arguments)
    else { return false }
    let position = function.hasPrefix("torch._utils._rebuild_parameter") ? 1 : 4
    guard position == 1 || Self.arities[function] != nil, arguments.count > position,
      case .boolean(true) = pickle.heap[arguments[arguments.startIndex + position]]
    else { return false }
    return true
  }

  /// The class of a tensor that is not torch's own; `nil` for those that are.
  func subclass(of reference: PickleReference) -> String? {
    guard case .call(let call) = pickle.heap[reference],
      pickle.globalName(call.function) == "torch._tensor._rebuild_from_type_v2",
      let arguments = pickle.heap.items(of: call.arguments).map(PickledArguments.init), arguments.count > 1,
      let name = pickle.globalName(arguments[1])
    else { return nil }
    return name == "torch.Tensor" || name == "torch.nn.parameter.Parameter" ? nil : name
  }

  private func location(_ name: String) -> Location {
    var place = pickle.wholePlace
    place.tensor = name
    return place
  }

  private func malformed(_ found: Evidence, at location: Location) -> IngotError {
    .malformed(
      PyTorchRule.tensorArguments.rule, at: location, found: found,
      expected: "a storage, an offset, sizes and as many strides")
  }

  /// A storage that stands for itself: its elements in a row.
  private func bare(_ reference: PickleReference, at location: Location) throws(IngotError) -> View {
    if let tensor = storages.outsideTensor(reference) { return try view(of: tensor, at: location) }
    guard let use = storages.use(reference) else {
      throw malformed("something that is not a tensor", at: location)
    }
    if let failure = storages.all[use.storage].failure { throw failure }
    let dtype = try elementType(of: use, at: location) ?? .u8
    let count = use.range.count / (dtype.byteWidth ?? 1)
    guard let shape = Shape([count]) else { throw malformed("a storage that overflows", at: location) }
    return try place(Request(storage: use, dtype: dtype, offset: 0, shape: shape, strides: [1]), at: location)
  }

  /// A tensor of a tar archive.
  private func view(of tensor: PyTorchStorages.OutsideTensor, at location: Location) throws(IngotError)
    -> View
  {
    let dtype = try elementType(of: tensor.use, at: location) ?? .u8
    guard tensor.sizes.count <= Self.rankLimit, let shape = Shape(tensor.sizes),
      shape.byteCount(of: dtype) != nil,
      tensor.strides.allSatisfy({ $0 >= 0 }), tensor.offset >= 0
    else {
      throw malformed(
        "a shape of \(tensor.sizes.count) sizes that overflows, or a negative stride", at: location)
    }
    return try place(
      Request(
        storage: tensor.use, dtype: dtype, offset: tensor.offset, shape: shape, strides: tensor.strides),
      at: location)
  }

  /// A tensor of a class of its own: the function, the class, the arguments, the state.
  private func view(ofSubclass arguments: PickledArguments, at location: Location) throws(IngotError) -> View
  {
    guard arguments.count >= 3, let function = pickle.globalName(arguments[0]),
      let inner = pickle.heap.items(of: arguments[2])
    else { throw malformed("a tensor without a function to make it", at: location) }
    guard Self.arities[function] != nil else {
      throw .unsupported("a tensor made by \(function); dense tensors are read", at: location)
    }
    return try view(PickledArguments(inner), function: function, at: location)
  }

  /// The dtype of a use's elements; `nil` where the storage does not say.
  private func elementType(of use: PyTorchStorages.Use, at location: Location) throws(IngotError) -> DType? {
    switch use.kind {
    case .typed(let dtype): return dtype
    case .untyped: return nil
    case .unread: throw .unsupported("a quantized tensor of torch's own; dense ones are read", at: location)
    }
  }

  private func view(
    _ arguments: PickledArguments, function: String, at location: Location
  ) throws(IngotError) -> View {
    let heap = pickle.heap
    let arity = Self.arities[function] ?? 4...8
    guard arity.contains(arguments.count), let use = storages.use(arguments[0]) else {
      throw malformed(
        "a tensor of \(arguments.count, "argument"), expected \(arity.lowerBound) to \(arity.upperBound), the first a storage",
        at: location)
    }
    if let failure = storages.all[use.storage].failure { throw failure }
    let dtype = try dtype(arguments, of: use, function: function, at: location)
    guard let offset = heap.integer(arguments[1]).flatMap({ Int(exactly: $0) }), offset >= 0 else {
      throw malformed("an offset that is not a number from 0 on", at: location)
    }
    guard let sizes = numbers(arguments[2]), let strides = numbers(arguments[3]), sizes.count == strides.count
    else { throw malformed("sizes and strides that are not numbers, or not as many", at: location) }
    guard sizes.count <= Self.rankLimit, let shape = Shape(sizes), shape.byteCount(of: dtype) != nil else {
      throw malformed("a shape of \(sizes.count) sizes whose product overflows or is negative", at: location)
    }
    let sign = try sign(arguments, function: function, dtype: dtype, at: location)
    return try place(
      Request(storage: use, dtype: dtype, offset: offset, shape: shape, strides: strides, sign: sign),
      at: location)
  }

  /// The element type: the storage's, or with version 3 the one that is given.
  private func dtype(
    _ arguments: PickledArguments, of use: PyTorchStorages.Use, function: String, at location: Location
  ) throws(IngotError) -> DType {
    let stored = try elementType(of: use, at: location)
    guard function.hasSuffix("_v3") else {
      // Before there was version 3, bytes were U8.
      return stored ?? .u8
    }
    guard arguments.count >= 7, let name = pickle.globalName(arguments[6]) else {
      throw malformed("a tensor without a dtype", at: location)
    }
    guard let dtype = PyTorchGlobals.dtype(named: name) else {
      throw .unsupported("elements of \(name)", at: location)
    }
    return dtype
  }

  /// Sizes or strides: a tuple, a list or a `torch.Size` of numbers.
  private func numbers(_ reference: PickleReference) -> [Int]? {
    let heap = pickle.heap
    var reference = reference
    if case .call(let call) = heap[reference], pickle.globalName(call.function) == "torch.Size",
      let inner = heap.items(of: call.arguments)?.first
    {
      reference = inner
    }
    guard let items = heap.items(of: reference), items.count <= Self.rankLimit else { return nil }
    var numbers: [Int] = []
    for item in items {
      guard let number = heap.integer(item).flatMap({ Int(exactly: $0) }), number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// A tensor may be marked as the conjugate of what is stored, as its negative, or as both.
  private func sign(
    _ arguments: PickledArguments, function: String, dtype: DType, at location: Location
  ) throws(IngotError) -> SignChange {
    let position = function.hasSuffix("_v3") ? 7 : 6
    var marks = Set<String>()
    guard arguments.indices.contains(position),
      case .dictionary(let items, _) = pickle.heap[arguments[position]]
    else { return .none }
    let entries = pickle.heap.items(of: items)
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      if case .boolean(false) = pickle.heap[entries[index + 1]] { continue }
      marks.insert(pickle.heap.text(entries[index]) ?? "something else")
    }
    let known = SignChange.allCases.first { $0.marks == marks }
    guard let known,
      known == .none || dtype.family == .complex || (dtype.family == .float && marks == ["neg"])
    else {
      throw .unsupported(
        "a tensor of \(dtype) marked as \(marks.sorted().joined(separator: ", "))", at: location)
    }
    return known
  }

  // MARK: - The view

  /// Holds a view against its storage and describes where its elements are.
  private func place(_ request: Request, at location: Location) throws(IngotError) -> View {
    let stored = storages.all[request.storage.storage]
    guard let place = stored.place, let width = request.dtype.byteWidth else {
      throw .internal("a storage without a place")
    }
    let elementCount = request.storage.range.count / width
    guard request.shape.elementCount > 0 else {
      let none = StorageSegment(file: place.segment.file, offset: place.segment.offset, byteCount: 0)
      return View(
        dtype: request.dtype, shape: request.shape, storage: TensorStorage(none, byteOrder: byteOrder))
    }
    guard let last = Self.lastElement(request), last < elementCount else {
      throw .malformed(
        PyTorchRule.view.rule, at: location,
        found: "\(request.shape) from element \(request.offset) on by strides \(words: "\(request.strides)")",
        expected: "a view inside the \(elementCount, "element") of storage \(stored.key)")
    }
    let contiguous = request.shape.contiguousStrides
    // Where there is but one index, the stride means nothing.
    let strides = request.strides.indices.map {
      request.shape.dimensions[$0] == 1 ? contiguous[$0] : request.strides[$0]
    }
    let storage = describe(
      place, request, isContiguous: strides == contiguous, strides: strides, width: width)
    return View(dtype: request.dtype, shape: request.shape, storage: storage)
  }

  private func describe(
    _ place: PyTorchStorage.Place, _ request: Request, isContiguous: Bool, strides: [Int], width: Int
  ) -> TensorStorage {
    var storage = TensorStorage(
      place.segment, byteOrder: byteOrder, codec: place.codec, checksum: place.checksum)
    storage.sign = request.sign
    let ownByteCount = request.shape.elementCount * width
    // A checksum is over the whole storage, and a stream starts at its start; a bare range can be cut at will.
    let isBare = place.checksum == nil && place.codec == .raw
    if isBare {
      let range = request.storage.range
      storage.segments = .one(
        StorageSegment(
          file: place.segment.file,
          offset: place.segment.offset + range.lowerBound + (isContiguous ? request.offset * width : 0),
          byteCount: isContiguous ? ownByteCount : range.count))
    }
    let isWhole = request.offset == 0 && ownByteCount == request.storage.range.count
    if isContiguous, isBare || isWhole { return storage }
    storage.layout = .strided(offset: request.offset, strides: strides)
    return storage
  }

  /// The position in storage of the element that stands last; `nil` when it overflows.
  private static func lastElement(_ request: Request) -> Int? {
    var last = request.offset
    for (size, stride) in zip(request.shape.dimensions, request.strides) {
      guard let span = (size - 1).checkedMultiply(stride), let sum = last.checkedAdd(span) else { return nil }
      last = sum
    }
    return last
  }
}
