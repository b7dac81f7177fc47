// SPDX-License-Identifier: Apache-2.0
// What the frequencies of a rotary embedding are divided by, which llama.cpp keeps as a tensor where configs have the
// numbers of a formula: read to find the formula, and written from it. Page: formats/dialects.md.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotOutput
import IngotTransforms

/// The divisors of a checkpoint's rotary embedding.
struct RotaryDivisors {
  private let checkpoint: Checkpoint
  private let path: String
  private let work: WorkOptions

  init(_ checkpoint: Checkpoint, path: String, work: WorkOptions) {
    self.checkpoint = checkpoint
    self.path = path
    self.work = work
  }

  /// Meta's numbers for Llama 3.1 and 3.3, and for Llama 3.2.
  private static let published: [RotaryScaling] = [8, 32].map {
    .llama3(factor: $0, low: 1, high: 4, original: 8192)
  }

  /// How far F32 divisors may be from those of a formula: their program makes them of frequencies in F32.
  private static let tolerance = 1e-5

  /// Holds a config against the divisors that the file has, or takes from them what the config does not say.
  ///
  /// - Parameter configuration: gets the scaling: a published one with these divisors, else the divisors themselves.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for divisors that are not the config's, or none.
  func settle(_ configuration: inout ModelConfiguration) throws(IngotError) {
    let dialect = Dialect.all.first {
      $0.architecture == configuration.architecture.id && $0.rotaryDivisors != nil
        && $0.ownFormat == checkpoint.format
    }
    guard let name = dialect?.rotaryDivisors else { return }
    let scaling = configuration.config[.rotary].scaling
    let expected = configuration.config.rotarySchedule.divisors
    guard let tensor = checkpoint.tensors.first(where: { $0.name == name }) else {
      guard expected == nil else {
        throw unsuitable(name, "is missing, and the config's \(words: scaling.name) scaling is kept in it")
      }
      return
    }
    let stored = try divisors(tensor, count: configuration.config.headDimension / 2)
    if let expected {
      guard Self.agree(expected, stored) else {
        throw unsuitable(name, "is not what the config's scaling makes")
      }
      return
    }
    guard scaling == .none else {
      throw unsuitable(name, "is there beside \(words: scaling.name) scaling, which knows no divisors")
    }
    let found = Self.published.first { candidate in
      var config = configuration.config
      config[.rotary].scaling = candidate
      return Self.agree(config.rotarySchedule.divisors ?? [], stored)
    }
    configuration.config[.rotary].scaling = found ?? .divisors(stored)
    for key in [RotaryKey.scaling, .parameters] {
      configuration.document[key.rawValue] = configuration.config[.rotary].value(of: key)
    }
  }

  private func divisors(_ tensor: TensorDescriptor, count: Int) throws(IngotError) -> [Double] {
    guard tensor.shape == [count], tensor.dtype == .f32, tensor.blockType == nil, tensor.parts.count == 1
    else {
      throw unsuitable(tensor.name, "is \(tensor.dtype) \(tensor.shape), expected F32 [\(count)]")
    }
    let bytes = try ArrayLoader(checkpoint, work: work).bytes(ParameterView(tensor).values)
    let values = [Float](littleEndian: bytes).map { Double($0) }
    guard values.count == count, values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw unsuitable(tensor.name, "has divisors that are not above 0")
    }
    return values
  }

  private func unsuitable(_ tensor: String, _ why: Evidence) -> IngotError {
    .unsuitable(Location(path, tensor: tensor), why: why, hint: nil)
  }

  private static func agree(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * abs($1) }
  }

  /// The tensor of a dialect that has one, for a config whose scaling is made of divisors.
  static func tensor(of config: ModelConfig, in dialect: Dialect) -> (PlannedTensor, LazyPart)? {
    guard let name = dialect.rotaryDivisors, let divisors = config.rotarySchedule.divisors,
      let shape = Shape([divisors.count])
    else { return nil }
    let type = TensorType(dtype: .f32, shape: shape)
    let bytes = divisors.map { Float($0) }.littleEndianBytes
    return (PlannedTensor(name: name, type), .literal(.f32, shape, bytes))
  }
}
