// SPDX-License-Identifier: Apache-2.0
// What quantizing each weight of a model costs it, and as a file: JSON Lines, the first of which says what was measured, each
// other one a weight.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotQuantization

/// What quantizing each weight of a model costs it.
public struct SensitivityTable: Sendable {
  /// Tokens that the model ran on.
  public var tokenCount: Int
  /// Whether costs are those of rounding with error feedback.
  public var isCalibrated: Bool
  /// What is known of each weight.
  public var weights: [WeightSensitivity] = []
  /// A digest of the weights' names and sizes, by which a table is held against a model.
  let weightsDigest: String

  /// Starts a table without weights.
  ///
  /// - Parameters:
  ///   - model: the model that is measured.
  ///   - tokenCount: tokens that it runs on.
  ///   - isCalibrated: whether costs are those of rounding with error feedback.
  package init(of model: Model, tokenCount: Int, isCalibrated: Bool) {
    (self.tokenCount, self.isCalibrated) = (tokenCount, isCalibrated)
    weightsDigest = Self.digest(of: model)
  }

  /// A table by which no weight costs anything, with the schemes that fit each: what a bound on size alone comes to.
  package init(withoutCostsOf model: Model) {
    self.init(of: model, tokenCount: 0, isCalibrated: true)
    weights = SensitivityMeasurement.candidates(of: model).map { candidate in
      let width = candidate.elementCount / max(1, candidate.outputCount)
      let schemes = SchemeTrials.schemes.filter { SchemeTrials.fits($0, width: width) }
      return WeightSensitivity(
        name: candidate.name, elementCount: candidate.elementCount, outputCount: candidate.outputCount,
        storedByteCount: candidate.byteCount,
        divergences: Dictionary(schemes.map { ($0, 0) }, uniquingKeysWith: { first, _ in first }))
    }
  }

  private static func digest(of model: Model) -> String {
    SHA256.hex(
      of: SensitivityMeasurement.candidates(of: model).map {
        "\($0.byteCount) \($0.elementCount) \($0.outputCount) \($0.name)\n"
      }.joined())
  }

  /// The keys of a table's lines.
  private enum Key: String {
    case table = "ingot_sensitivities"
    case digest = "weights"
    case tokens, calibrated
    case name, kl
  }

  /// The first line.
  package var header: String {
    JSONWriter.text(
      .object(
        Metadata([
          .init(key: Key.table.rawValue, value: .int64(1)),
          .init(key: Key.digest.rawValue, value: .string(weightsDigest)),
          .init(key: Key.tokens.rawValue, value: .int64(Int64(tokenCount))),
          .init(key: Key.calibrated.rawValue, value: .bool(isCalibrated)),
        ])))
  }

  /// The line of a weight.
  package static func line(_ weight: WeightSensitivity) -> String {
    let costs = weight.divergences.sorted { $0.key.rawValue < $1.key.rawValue }
    return JSONWriter.text(
      .object(
        Metadata([
          .init(key: Key.name.rawValue, value: .string(weight.name)),
          .init(
            key: Key.kl.rawValue,
            value: .object(
              Metadata(costs.map { .init(key: $0.key.rawValue, value: .float64($0.value)) }))),
        ])))
  }

  /// The table as a file's bytes.
  package var bytes: [UInt8] {
    Array(([header] + weights.map(Self.line)).map { $0 + "\n" }.joined().utf8)
  }

  /// Reads a table of a model.
  ///
  /// - Parameters:
  ///   - bytes: the file's.
  ///   - path: where it is, for errors.
  ///   - model: the model that it is to be of.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for what is no table, one of other weights, and one without
  ///   some of the model's.
  package init(_ bytes: [UInt8], at path: String, of model: Model) throws(IngotError) {
    let lines = bytes.split(separator: UInt8(ascii: "\n")).enumerated()
      .map { ($1, Location(path, line: $0 + 1)) }
    guard let (first, place) = lines.first, let header = Self.object(first),
      header[Key.table.rawValue] == .int64(1), case .string(let digest)? = header[Key.digest.rawValue],
      case .int64(let tokens)? = header[Key.tokens.rawValue], let tokenCount = Int(exactly: tokens),
      case .bool(let isCalibrated)? = header[Key.calibrated.rawValue]
    else {
      throw .unsuitable(Location(path), why: "is no table of sensitivities", hint: nil)
    }
    guard digest == Self.digest(of: model) else {
      throw .unsuitable(
        place, why: "is of a model with other weights than \(words: model.path) has",
        hint: nil)
    }
    (self.tokenCount, self.isCalibrated, weightsDigest) = (tokenCount, isCalibrated, digest)
    var found: [String: [QuantizationScheme: Double]] = [:]
    for (line, place) in lines.dropFirst() {
      guard let (name, costs) = Self.weight(line) else {
        throw .unsuitable(place, why: "is no weight with what it costs by scheme", hint: nil)
      }
      found[name] = costs
    }
    weights = try SensitivityMeasurement.candidates(of: model).map { (candidate) throws(IngotError) in
      guard let costs = found[candidate.name] else {
        throw .unsuitable(
          Location(path, tensor: candidate.name), why: "has no line",
          hint: "it may be of a run that was stopped")
      }
      return WeightSensitivity(candidate, divergences: costs)
    }
  }

  /// Takes the weights that a journal's lines are of.
  ///
  /// - Parameters:
  ///   - lines: lines of weights; others are passed over.
  ///   - candidates: the model's weights.
  package mutating func take(_ lines: [String], of candidates: [SensitivityMeasurement.Candidate]) {
    let byName = Dictionary(candidates.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for line in lines {
      guard let (name, costs) = Self.weight(Array(line.utf8)[...]), let candidate = byName[name] else {
        continue
      }
      weights.append(WeightSensitivity(candidate, divergences: costs))
    }
  }

  private static func object(_ line: ArraySlice<UInt8>) -> Metadata? { try? JSONDocument.object(Array(line)) }

  /// What a line says of a weight; `nil` for one that says nothing, or figures that no divergence has.
  private static func weight(_ line: ArraySlice<UInt8>) -> (name: String, [QuantizationScheme: Double])? {
    guard let object = object(line), case .string(let name)? = object[Key.name.rawValue],
      case .object(let entries)? = object[Key.kl.rawValue]
    else { return nil }
    var costs: [QuantizationScheme: Double] = [:]
    for entry in entries.entries {
      guard let scheme = QuantizationScheme(rawValue: entry.key), let cost = entry.value.number, cost >= 0,
        cost.isFinite
      else { return nil }
      costs[scheme] = cost
    }
    return costs.isEmpty ? nil : (name, costs)
  }
}

extension WeightSensitivity {
  /// What is known of a tensor.
  package init(
    _ candidate: SensitivityMeasurement.Candidate, divergences: [QuantizationScheme: Double]
  ) {
    self.init(
      name: candidate.name, elementCount: candidate.elementCount, outputCount: candidate.outputCount,
      storedByteCount: candidate.byteCount, divergences: divergences)
  }
}

extension MetadataValue {
  /// A number of any kind.
  fileprivate var number: Double? {
    switch self {
    case .int64(let value): Double(value)
    case .uint64(let value): Double(value)
    case .float64(let value): value
    default: nil
    }
  }
}
