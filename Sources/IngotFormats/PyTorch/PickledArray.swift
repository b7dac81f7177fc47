// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays, scalars and dtypes in pickles: an array of numbers is a tensor, whose elements stand in the pickle itself.
// Page: formats/pytorch.md, "NumPy's arrays"; numpy/numpy: numpy/_core/src/multiarray/methods.c, descriptor.c.
import IngotCore
import IngotEncodings

/// A dtype as `numpy.dtype` pickles it: a code, and in its state the order of bytes.
struct NumPyPickledDType {
  /// NumPy's spelling with the order of bytes in front: `<f4`.
  let descr: String
  /// The dtype; `nil` for elements that are no numbers.
  let dtype: NumPyDType?

  /// Interprets an object; `nil` for one that is no dtype.
  init?(_ reference: PickleReference, in pickle: PickleMachine) {
    guard case .call(let call) = pickle.heap[reference] else { return nil }
    let made = PickledValue(call, in: pickle)
    guard made.name == "numpy.dtype", let code = made.arguments.first.flatMap(pickle.heap.text),
      code.utf8.count <= 64
    else { return nil }
    var order = "|"
    if let state = pickle.lastState(of: reference), let items = pickle.heap.items(of: state),
      items.count > 1,
      let text = pickle.heap.text(items[items.startIndex + 1]), text.utf8.count == 1
    {
      order = text
    }
    descr = order + code
    dtype = NumPyDType(descr)
  }

  /// As Python prints it.
  var name: String {
    guard let dtype, case .known(let known) = dtype.kind else { return descr }
    switch known {
    case .bool: return "bool"
    case .c64: return "complex64"
    case .c128: return "complex128"
    case .u8, .u16, .u32, .u64: return "uint\(known.bitWidth)"
    case .i8, .i16, .i32, .i64: return "int\(known.bitWidth)"
    default: return "float\(known.bitWidth)"
    }
  }
}

/// An array in a pickle.
struct PickledArray {
  let dtype: NumPyPickledDType
  let shape: [Int]
  let isColumnMajor: Bool
  /// The elements' object; `nil` where they are a list of objects.
  let elements: PickleReference

  /// Interprets an object; `nil` for one that is no array.
  init?(_ reference: PickleReference, in pickle: PickleMachine) {
    guard case .call(let call) = pickle.heap[reference] else { return nil }
    let made = PickledValue(call, in: pickle)
    guard PickledValue.arrayFunctions.contains(made.name) else { return nil }
    let heap = pickle.heap
    if made.name.hasSuffix("_frombuffer") {
      // Protocol 5: the bytes, the dtype, the shape, the order.
      guard made.arguments.count == 4, let dtype = NumPyPickledDType(made.arguments[1], in: pickle),
        let shape = Self.shape(made.arguments[2], in: pickle)
      else { return nil }
      self.init(
        dtype: dtype, shape: shape, isColumnMajor: heap.text(made.arguments[3]) == "F", made.arguments[0])
    } else {
      // A state of a version, the shape, the dtype, whether in Fortran's order, the bytes.
      guard let state = pickle.lastState(of: reference),
        case let items = PickledArguments(heap.items(of: state)),
        items.count == 5, let shape = Self.shape(items[1], in: pickle),
        let dtype = NumPyPickledDType(items[2], in: pickle)
      else { return nil }
      var isColumnMajor = false
      if case .boolean(true) = heap[items[3]] { isColumnMajor = true }
      self.init(dtype: dtype, shape: shape, isColumnMajor: isColumnMajor, items[4])
    }
  }

  private init(dtype: NumPyPickledDType, shape: [Int], isColumnMajor: Bool, _ elements: PickleReference) {
    self.dtype = dtype
    self.shape = shape
    self.isColumnMajor = isColumnMajor
    self.elements = elements
  }

  private static func shape(_ reference: PickleReference, in pickle: PickleMachine) -> [Int]? {
    guard let items = pickle.heap.items(of: reference), items.count <= Int(Limit.numpyRank.value) else {
      return nil
    }
    let sizes = items.compactMap { pickle.heap.integer($0).flatMap { Int(exactly: $0) } }
    return sizes.count == items.count && sizes.allSatisfy { $0 >= 0 } ? sizes : nil
  }

  /// Whether its elements are numbers, so that it is a tensor.
  var isTensor: Bool { knownDType != nil }

  /// The type of its numbers.
  var knownDType: DType? {
    if case .known(let known)? = dtype.dtype?.kind { known } else { nil }
  }

  // MARK: - Scalars

  /// The value of a scalar: a dtype and bytes; `nil` for one that is no number, truth value or text.
  static func scalar(_ arguments: PickledArguments, in pickle: PickleMachine) -> MetadataValue? {
    guard arguments.count == 2, let dtype = NumPyPickledDType(arguments[0], in: pickle),
      let held = PickledValue.stored(arguments[1], in: pickle), held.byteCount <= 1 << 17,
      let stored = held.bytes, stored.count <= 1 << 16
    else { return nil }
    if dtype.descr.dropFirst().first == "U" { return text(stored, isBig: dtype.descr.first == ">") }
    guard let parsed = dtype.dtype, case .known(let known) = parsed.kind, known.byteWidth == stored.count
    else {
      return nil
    }
    let width = known.swapWidth
    guard known == .c64 || known == .c128 else {
      return number(bits(stored[...], isBig: parsed.byteOrder == .big), known)
    }
    let halves = [stored[..<width], stored[width...]].compactMap {
      number(bits($0, isBig: parsed.byteOrder == .big), known == .c64 ? .f32 : .f64)
    }
    return .array(halves)
  }

  private static func bits(_ bytes: ArraySlice<UInt8>, isBig: Bool) -> UInt64 {
    (isBig ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func number(_ bits: UInt64, _ dtype: DType) -> MetadataValue? {
    switch dtype {
    case .bool: .bool(bits != 0)
    case .i8: .int8(Int8(truncatingIfNeeded: bits))
    case .i16: .int16(Int16(truncatingIfNeeded: bits))
    case .i32: .int32(Int32(truncatingIfNeeded: bits))
    case .i64: .int64(Int64(truncatingIfNeeded: bits))
    case .u8: .uint8(UInt8(truncatingIfNeeded: bits))
    case .u16: .uint16(UInt16(truncatingIfNeeded: bits))
    case .u32: .uint32(UInt32(truncatingIfNeeded: bits))
    case .u64: .uint64(bits)
    case .f16: .float32(Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))
    case .f32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .f64: .float64(Double(bitPattern: bits))
    default: nil
    }
  }

  /// Text as NumPy keeps it: four bytes a character, zeros behind it.
  private static func text(_ bytes: [UInt8], isBig: Bool) -> MetadataValue? {
    var text = String.UnicodeScalarView()
    for start in stride(from: 0, to: bytes.count - 3, by: 4) {
      let code = UInt32(truncatingIfNeeded: bits(bytes[start..<(start + 4)], isBig: isBig))
      guard let scalar = Unicode.Scalar(code) else { return nil }
      text.append(scalar)
    }
    while text.last?.value == 0 { text.removeLast() }
    return .string(String(text))
  }
}
