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
      $0.architecture == configuration.architecture.id && $0.ownFormat == checkpoint.format
    }
    guard let dialect else { return }
    if let names = dialect.rotaryFactors { try settle(names, dialect, &configuration) }
    guard let name = dialect.rotaryDivisors else { return }
    let scaling = configuration.config[.rotary].scaling
    let expected = configuration.config.rotarySchedule.divisors
    guard let tensor = checkpoint.tensors.first(where: { $0.name == name }) else {
      guard expected == nil else {
        throw unsuitable(name, "is missing, and the config's \(words: scaling.name) scaling is kept in it")
      }
      return
    }
    let stored = try divisors(tensor, count: configuration.config.rotarySchedule.pairCount)
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
    configuration.stateRotary()
  }

  /// The same for divisors in two tensors, for short and for long texts.
  private func settle(
    _ names: (short: String, long: String), _ dialect: Dialect, _ configuration: inout ModelConfiguration
  ) throws(IngotError) {
    let scaling = configuration.config[.rotary].scaling
    let count = configuration.config.rotarySchedule.pairCount
    var lists: [[Double]] = []
    for name in [names.short, names.long] {
      guard let tensor = checkpoint.tensors.first(where: { $0.name == name }) else { continue }
      lists.append(try divisors(tensor, count: count).map(LlamaCppRotary.shortest))
    }
    guard lists.count == 2 else {
      guard lists.isEmpty, scaling.original == nil else {
        throw unsuitable(names.long, "is missing, and the config's scaling is kept in it")
      }
      return
    }
    if case .longrope(let longrope) = scaling {
      guard Self.agree(longrope.short, lists[0]), Self.agree(longrope.long, lists[1]) else {
        throw unsuitable(names.long, "is not what the config's scaling says")
      }
      return
    }
    let original = configuration.document["original_max_position_embeddings"]?.integer
    let positions = configuration.config.contextLength
    var found = LongropeScaling(short: lists[0], long: lists[1], original: original ?? positions)
    configuration.config[.rotary].scaling = .longrope(found)
    found.attentionFactor = dialect.config.form?.rotary?.attentionFactor(
      in: checkpoint.metadata, beside: configuration.config.rotarySchedule)
    configuration.config[.rotary].scaling = .longrope(found)
    configuration.stateRotary()
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

  /// The tensors of a dialect that has some, for a config whose scaling is made of divisors.
  static func tensors(of config: ModelConfig, in dialect: Dialect) -> [(PlannedTensor, LazyPart)] {
    var lists: [(name: String, divisors: [Double])] = []
    if let name = dialect.rotaryDivisors, let divisors = config.rotarySchedule.divisors {
      lists.append((name, divisors))
    }
    if let names = dialect.rotaryFactors, case .longrope(let longrope) = config[.rotary].scaling {
      lists += [(names.long, longrope.long), (names.short, longrope.short)]
    }
    return lists.compactMap { name, divisors in
      guard let shape = Shape([divisors.count]) else { return nil }
      let bytes = divisors.map { Float($0) }.littleEndianBytes
      return (
        PlannedTensor(name: name, TensorType(dtype: .f32, shape: shape)), .literal(.f32, shape, bytes)
      )
    }
  }

  /// Whether a name is of a tensor that is read here.
  static func holds(_ name: String, in dialect: Dialect) -> Bool {
    name == dialect.rotaryDivisors || name == dialect.rotaryFactors?.short
      || name == dialect.rotaryFactors?.long
  }
}

extension ModelConfiguration {
  /// Makes the document say what the config has of its rotary embedding.
  fileprivate mutating func stateRotary() {
    for case .rotary(let field, let part, let rule)? in architecture.keys.map(\.binding) {
      let key = part == .scaling ? rule.scalingKey : part == .parameters ? RotaryRule.parametersKey : nil
      if let key { document[key] = config[field].value(of: part, by: rule) }
    }
  }
}
