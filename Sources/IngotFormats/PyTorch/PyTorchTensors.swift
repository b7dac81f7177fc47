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
  }

  /// Whether an object is a tensor, or would be one.
  func isTensor(_ reference: PickleReference) -> Bool {
    switch pickle.heap[reference] {
    case .persistent: return true
    case .call(let call):
      guard let name = pickle.globalName(call.function) else { return false }
      return name.hasPrefix("torch._utils._rebuild") || name == "torch._tensor._rebuild_from_type_v2"
        || name == "torch.nn.parameter.Parameter" || (name.hasPrefix("torch.") && name.hasSuffix("Tensor"))
    default: return false
    }
  }

  /// The tensor that an object stands for.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with PT-14 or PT-15, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for kinds of tensors that are not read.
  func view(_ reference: PickleReference, name: String) throws(IngotError) -> View {
    let location = location(name)
    var reference = reference
    // A parameter holds a tensor, which a subclass may wrap: never deeper than a few.
    for _ in 0..<8 {
      guard case .call(let call) = pickle.heap[reference] else { return try bare(reference, at: location) }
      let function = pickle.globalName(call.function) ?? ""
      let arguments = Array(pickle.heap.items(of: call.arguments) ?? [])
      switch function {
      case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3":
        return try view(arguments, function: function, at: location)
      case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch.nn.parameter.Parameter":
        guard let inner = arguments.first else {
          throw malformed("a parameter without a tensor", at: location)
        }
        reference = inner
      case "torch._tensor._rebuild_from_type_v2":
        return try view(ofSubclass: arguments, at: location)
      default:
        throw .unsupported("a tensor made by \(function); dense tensors are read", at: location)
      }
    }
    throw malformed("parameters inside parameters", at: location)
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
    guard let use = storages.use(reference) else {
      throw malformed("something that is no tensor", at: location)
    }
    let dtype = try elementType(of: use, at: location) ?? .u8
    let count = use.range.count / (dtype.byteWidth ?? 1)
    guard let shape = Shape([count]) else { throw malformed("a storage that overflows", at: location) }
    return try place(Request(storage: use, dtype: dtype, offset: 0, shape: shape, strides: [1]), at: location)
  }

  /// A tensor of a class of its own: the function, the class, the arguments, the state.
  private func view(ofSubclass arguments: [PickleReference], at location: Location) throws(IngotError) -> View
  {
    guard arguments.count >= 3, let function = pickle.globalName(arguments[0]),
      let inner = pickle.heap.items(of: arguments[2])
    else { throw malformed("a tensor without a function to make it", at: location) }
    guard function.hasPrefix("torch._utils._rebuild_tensor") else {
      throw .unsupported("a tensor made by \(function); dense tensors are read", at: location)
    }
    return try view(Array(inner), function: function, at: location)
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
    _ arguments: [PickleReference], function: String, at location: Location
  ) throws(IngotError) -> View {
    let heap = pickle.heap
    guard arguments.count >= 4, let use = storages.use(arguments[0]) else {
      throw malformed(
        "a tensor of \(arguments.count) arguments, the first of which is no storage", at: location)
    }
    let dtype = try dtype(arguments, of: use, function: function, at: location)
    guard let offset = heap.integer(arguments[1]).flatMap({ Int(exactly: $0) }), offset >= 0 else {
      throw malformed("an offset that is no number from 0 on", at: location)
    }
    guard let sizes = numbers(arguments[2]), let strides = numbers(arguments[3]), sizes.count == strides.count
    else { throw malformed("sizes and strides that are no numbers, or not as many", at: location) }
    guard sizes.count <= Self.rankLimit, let shape = Shape(sizes), shape.byteCount(of: dtype) != nil else {
      throw malformed("a shape of \(sizes.count) sizes whose product overflows or is negative", at: location)
    }
    try refuseMarks(arguments, function: function, at: location)
    return try place(
      Request(storage: use, dtype: dtype, offset: offset, shape: shape, strides: strides), at: location)
  }

  /// The element type: the storage's, or with version 3 the one that is given.
  private func dtype(
    _ arguments: [PickleReference], of use: PyTorchStorages.Use, function: String, at location: Location
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

  /// A tensor may be marked as the conjugate or the negative of what is stored; none has been seen in a checkpoint.
  private func refuseMarks(
    _ arguments: [PickleReference], function: String, at location: Location
  ) throws(IngotError) {
    let position = function.hasSuffix("_v3") ? 7 : 6
    guard arguments.indices.contains(position) else { return }
    guard case .dictionary(let items, _) = pickle.heap[arguments[position]] else { return }
    let entries = pickle.heap.items(of: items)
    for index in stride(from: entries.startIndex, to: entries.endIndex, by: 2) {
      if case .boolean(false) = pickle.heap[entries[index + 1]] { continue }
      let mark = pickle.heap.text(entries[index]) ?? "something else"
      throw .unsupported("a tensor marked as \(mark)", at: location)
    }
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
        expected: "a view inside the \(elementCount) elements of storage \(stored.key)")
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
