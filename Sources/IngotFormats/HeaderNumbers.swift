// SPDX-License-Identifier: Apache-2.0
// The numbers of a model that a header of fixed words holds, as metadata: formats without names or texts keep nothing
// else of a config. Pages: formats/llmc.md, formats/llama2c.md.
import IngotCore

/// The numbers of a header, under metadata keys of their own.
struct HeaderNumbers: Sendable {
  /// The format's id, for messages.
  let format: String
  /// Its name in a sentence.
  let title: Evidence
  /// The keys, in the order of the header.
  let keys: [String]

  /// The numbers of a header that was read.
  ///
  /// - Parameter numbers: a number for each key; the last keys may have none.
  /// - Returns: the metadata.
  func metadata(_ numbers: [Int]) -> Metadata {
    Metadata(zip(keys, numbers).map { Metadata.Entry(key: $0, value: .int32(Int32(clamping: $1))) })
  }

  /// A number among metadata: of any integer type, or as the decimal text that formats of strings keep.
  ///
  /// - Parameters:
  ///   - key: its key.
  ///   - metadata: of what is to be written.
  /// - Returns: the number; `nil` when the key is absent.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` when it is no number that a header can
  ///   hold.
  func number(_ key: String, of metadata: Metadata) throws(IngotError) -> Int? {
    guard let value = metadata[key] else { return nil }
    guard let number = value.integer ?? value.text.flatMap({ Int($0) }), number >= 0 else {
      throw unrepresentable("\(words: key) is not a number of its header")
    }
    return number
  }

  /// A number that no shape tells.
  ///
  /// - Parameters:
  ///   - key: its key.
  ///   - metadata: of what is to be written.
  /// - Returns: the number.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` when it is not there either.
  func require(_ key: String, of metadata: Metadata) throws(IngotError) -> Int {
    guard let number = try number(key, of: metadata) else {
      throw unrepresentable("\(words: key) is not among the metadata, and no shape tells it")
    }
    return number
  }

  /// Throws where metadata say another number than the tensors.
  ///
  /// - Parameters:
  ///   - lengths: what the tensors say, by key.
  ///   - metadata: of what is to be written.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)``.
  func requireAgreement(_ lengths: [(key: String, length: Int)], _ metadata: Metadata) throws(IngotError) {
    for (key, length) in lengths {
      let number = try number(key, of: metadata) ?? length
      guard number == length else {
        throw unrepresentable("\(words: key) is \(number), and the tensors say \(length)")
      }
    }
  }

  /// Throws for numbers that a word of 32 bits does not hold, and for 0.
  func requireWords(_ numbers: [Int]) throws(IngotError) {
    guard numbers.allSatisfy({ (1...Int(Int32.max)).contains($0) }) else {
      throw unrepresentable("a number of its header is 0, or above \(Int32.max)")
    }
  }

  /// What a file does not hold: metadata that are no numbers of its header.
  func losses(_ metadata: Metadata) -> [Loss] {
    metadata.entries.filter { !keys.contains($0.key) }.map {
      Loss(.metadata, detail: "\($0.key): \(title)'s header holds the model's numbers only")
    }
  }

  /// A note on parts of a header that mean nothing known.
  ///
  /// - Parameters:
  ///   - places: where they are.
  ///   - unit: what each is: `byte`.
  /// - Returns: the note; nothing where there are none.
  static func unknown(_ places: [Int], _ unit: StaticString) -> [Finding] {
    guard let first = places.first else { return [] }
    let verb = places.count == 1 ? "means" : "mean"
    return [
      Finding(
        .unknown, severity: .note, subject: "header",
        detail:
          "has \(places.count, unit) that \(words: verb) nothing here, the first of them \(words: "\(unit)") \(first)"
      )
    ]
  }

  private func unrepresentable(_ why: Evidence) -> IngotError {
    .unrepresentable(tensor: nil, target: format, why: why, hint: nil)
  }
}
