// SPDX-License-Identifier: Apache-2.0
// The table of schemes by which other programs pack weights: a scheme is a file beside this one and a line here.
// Page: formats/packed-weights.md.
import IngotBytes
import IngotCore

/// The rules of `formats/packed-weights.md`.
package enum PackedRule: String, FormatRule {
  case parts = "PW-01"
  case orphan = "PW-02"
  case shape = "PW-03"
  case dtype = "PW-04"
  case index = "PW-05"
  case state = "PW-06"
  case config = "PW-07"
}

/// A scheme by which a program packs weights.
package struct PackedScheme: Sendable {
  /// Finds a weight; `nil` where the tensors are those of another scheme.
  typealias Finder = @Sendable (PackedGroup) throws(PackedFault) -> PackedWeight?

  /// Its name.
  let id: String
  /// What a weight of it is told by: a tensor with one of these behind the weight's name.
  let anchors: [String]
  /// What is behind the weight's name in that of its codes; `nil` where the anchor has them.
  let codes: String?
  /// Names behind the weight's of what belongs to it.
  let companions: [String]
  /// Names of what belongs to the layer's activations, not to its weight.
  let activations: [String]
  /// Whether tensors called like its companions, and nothing else, are known to be parts without a weight.
  let isDistinct: Bool
  /// The weight.
  let weight: Finder

  init(
    id: String, anchors: [String], codes: String? = nil, companions: [String], activations: [String] = [],
    isDistinct: Bool = true, weight: @escaping Finder
  ) {
    (self.id, self.anchors, self.codes) = (id, anchors, codes)
    (self.companions, self.activations, self.isDistinct) = (companions, activations, isDistinct)
    self.weight = weight
  }

  /// All that are understood, or known and refused by name; the first that takes a weight has it.
  static let all: [PackedScheme] =
    [
      .mxfp4, .gptq, .awq, .compressedIntegers, .compressedFloats, .modelOpt, .bitsandbytes,
      .bitsandbytesTurned, .quanto,
    ] + refused
}

/// A weight of a scheme, as its tensors' headers and config tell it.
package struct PackedWeight: Sendable {
  /// The name that the weight has where it is not packed.
  package let name: String
  /// Its shape there.
  package let shape: Shape
  /// What it is: `GPTQ 4-bit`.
  package let scheme: String
  /// The tensors that it is made of, that of the codes first.
  package let parts: [Int]
  /// Tensors that belong to it and are not needed for its numbers.
  package var others: [Int] = []
  /// How numbers are made of the parts; `nil` where no values were asked for.
  package let values: PackedValues?
  /// What was taken otherwise than the config says.
  package var note: Evidence?
}

/// Why tensors are no weight that is understood.
package enum PackedFault: Error, Sendable {
  /// They break a rule of the page.
  case broken(PackedRule, tensor: String, found: Evidence, expected: Evidence)
  /// They are of a kind that is not read.
  case unknown(Evidence)
  /// They could not be read.
  case unreadable(IngotError)
}

/// Reads the bytes of a tensor, whole: of small ones, which tell how others are packed.
package typealias PackedReader = (TensorDescriptor) throws(IngotError) -> [UInt8]

/// A tensor of codes with what stands beside it.
struct PackedGroup {
  /// The weight's name without what is behind it.
  let stem: String
  /// The tensor that told of the scheme, and what is behind the weight's name in its own.
  let anchor: Int
  let anchorSuffix: String
  /// The tensor of the codes.
  let codes: Int
  let tensors: [TensorDescriptor]
  let indexes: [ExactName: Int]
  let config: PackedConfig
  let reader: PackedReader
  /// Whether values are wanted, and with them what only bytes tell.
  let wantsValues: Bool

  /// The tensor of the codes.
  var codesTensor: TensorDescriptor { tensors[codes] }

  /// A tensor beside the codes.
  func find(_ suffix: String) -> Int? { indexes[ExactName(stem + suffix)] }

  /// A tensor that must be beside the codes.
  func require(_ suffix: String) throws(PackedFault) -> Int {
    guard let index = find(suffix) else {
      throw .broken(.parts, tensor: codesTensor.name, found: "no tensor \(stem + suffix)", expected: "one")
    }
    return index
  }

  /// Throws for a tensor of another shape.
  func require(_ index: Int, _ shape: [Int]) throws(PackedFault) {
    let tensor = tensors[index]
    guard tensor.shape.dimensions == shape else {
      throw .broken(
        .shape, tensor: tensor.name, found: "\(tensor.shape)",
        expected: Shape(shape).map { "\($0)" } ?? "a shape that there is")
    }
  }

  /// Throws for a tensor of another dtype.
  func require(_ index: Int, _ dtypes: [DType]) throws(PackedFault) {
    let tensor = tensors[index]
    guard dtypes.contains(tensor.dtype), tensor.blockType == nil else {
      let names = dtypes.map(\.rawValue).joined(separator: " or ")
      throw .broken(
        .dtype, tensor: tensor.name, found: "\(words: tensor.typeName)", expected: "\(words: names)")
    }
  }

  /// The bytes of a small tensor.
  func bytes(_ index: Int) throws(PackedFault) -> [UInt8] {
    do throws(IngotError) { return try reader(tensors[index]) } catch { throw .unreadable(error) }
  }

  /// The integers of a small tensor of I32 or I64.
  func integers(_ index: Int) throws(PackedFault) -> [Int64] {
    var cursor = ByteCursor(try bytes(index))
    var integers: [Int64] = []
    if tensors[index].dtype == .i64 {
      while let bits = cursor.little(UInt64.self) { integers.append(Int64(bitPattern: bits)) }
    } else {
      while let bits = cursor.little(UInt32.self) { integers.append(Int64(Int32(bitPattern: bits))) }
    }
    return integers
  }

  /// Numbers of inputs' groups, each checked against how many there are.
  ///
  /// - Parameters:
  ///   - index: the tensor.
  ///   - count: groups.
  /// - Returns: the numbers.
  /// - Throws: ``PackedFault/broken(_:tensor:found:expected:)`` for one that is none of them.
  private func groupNumbers(_ index: Int, below count: Int) throws(PackedFault) -> [Int32] {
    var numbers: [Int32] = []
    for (place, number) in try integers(index).enumerated() {
      guard number >= 0, number < count, let small = Int32(exactly: number) else {
        throw .broken(
          .index, tensor: tensors[index].name, found: "\(number) at \(place)",
          expected: "numbers of \(count, "group")")
      }
      numbers.append(small)
    }
    return numbers
  }

  /// The numbers of inputs' groups; `nil` when groups stand in order, each of so many inputs.
  func groupNumbers(_ index: Int, below count: Int, unlessInRunsOf size: Int) throws(PackedFault) -> [Int32]?
  {
    let numbers = try groupNumbers(index, below: count)
    return numbers.enumerated().allSatisfy { Int($0.element) == $0.offset / size } ? nil : numbers
  }

  /// The codes' shape, of so many dimensions.
  func dimensions(_ rank: Int) throws(PackedFault) -> [Int] {
    guard codesTensor.shape.rank == rank, codesTensor.shape.elementCount > 0 else {
      throw .broken(
        .shape, tensor: codesTensor.name, found: "\(codesTensor.shape)",
        expected: "\(rank, "dimension") of at least 1")
    }
    return codesTensor.shape.dimensions
  }

  /// A shape that numbers of files give.
  func shape(_ dimensions: [Int]) throws(PackedFault) -> Shape {
    guard let shape = Shape(dimensions), shape.byteCount(of: .f32) != nil else {
      throw .broken(
        .shape, tensor: codesTensor.name, found: "a shape that overflows", expected: "one that there is")
    }
    return shape
  }

  /// A product of numbers of files.
  func product(_ a: Int, _ b: Int) throws(PackedFault) -> Int {
    guard let product = a.checkedMultiply(b) else {
      throw .broken(
        .shape, tensor: codesTensor.name, found: "a shape that overflows", expected: "one that there is")
    }
    return product
  }
}

extension PackedGroup {
  /// Whether the weight is `[in, out]` where it is not packed, as those of transformers' `Conv1D` are.
  ///
  /// - Returns: whether it is.
  /// - Throws: ``PackedFault/unknown(_:)`` where the name may be one of those and no config tells.
  func hasInputsFirst() throws(PackedFault) -> Bool {
    guard let isTurned = InputsFirst.holds(forLayer: stem, modelType: config.modelType) else {
      throw .unknown(
        "which of its dimensions is the input's no config tells: GPT-2 has it first, others last")
    }
    return isTurned
  }
}

/// What a config declares of packed weights.
struct PackedConfig {
  /// The model's type.
  let modelType: String?
  /// The object that declares it.
  let object: Metadata?
  /// The scheme's name.
  let method: String?

  init(_ config: Metadata?) {
    modelType = config?.string("model_type")
    object =
      ScaleTensors.configKeys.lazy.compactMap { key -> Metadata? in
        guard case .object(let object)? = config?[key] else { return nil }
        return object
      }.first
    method = object?.string("quant_method")
  }

  /// An integer of the declaration.
  func integer(_ key: String) -> Int? { object?[key]?.integer }

  /// A truth value of the declaration.
  func bool(_ key: String) -> Bool? {
    guard case .bool(let value)? = object?[key] else { return nil }
    return value
  }

  /// Throws where the config names another method than those of a scheme.
  func require(_ methods: [String], for scheme: String) throws(PackedFault) {
    guard let method, !methods.contains(method) else { return }
    throw .unknown("its config declares \(method), and its tensors are those of \(words: scheme)")
  }
}
