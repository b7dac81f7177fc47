// SPDX-License-Identifier: Apache-2.0
// Typed metadata in the order of the file: every kind of value that GGUF has, and nested ones for PyTorch.

/// A value of a checkpoint's metadata.
public enum MetadataValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case uint64(UInt64)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case string(String)
  /// Values whose types may differ.
  case array([MetadataValue])
  /// Values of one type, packed.
  case typedArray(MetadataArray)
  case object(Metadata)
}

extension MetadataValue {
  /// The value of an integer of any width; `nil` for other types and beyond the range of `Int`.
  public var integer: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The value of a number, whole or not; `nil` for other types.
  package var real: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: integer.map { Double($0) }
    }
  }

  /// The value of a text; `nil` for other types.
  public var text: String? {
    if case .string(let value) = self { value } else { nil }
  }
}

/// Keys with values, in the order in which the file has them.
public struct Metadata: Hashable, Sendable {
  /// One key with its value.
  public struct Entry: Hashable, Sendable {
    /// The key as the file spells it.
    public var key: String
    /// Its value.
    public var value: MetadataValue

    /// Makes an entry.
    public init(key: String, value: MetadataValue) {
      self.key = key
      self.value = value
    }
  }

  /// The entries in file order.
  public private(set) var entries: [Entry]

  /// Makes metadata of entries whose keys differ.
  public init(_ entries: [Entry] = []) {
    self.entries = entries
  }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { entries.isEmpty }

  /// The value of a key; setting it replaces the value in place or appends it, and `nil` removes it.
  public subscript(key: String) -> MetadataValue? {
    get { entries.first { ExactName($0.key) == ExactName(key) }?.value }
    set {
      let index = entries.firstIndex { ExactName($0.key) == ExactName(key) }
      switch (index, newValue) {
      case (let index?, let value?): entries[index].value = value
      case (let index?, nil): entries.remove(at: index)
      case (nil, let value?): entries.append(Entry(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Sets keys one after the other, however many there are, in one pass: values of keys that are there are replaced in
  /// place, others are appended.
  ///
  /// - Parameter changes: keys with their new values.
  package mutating func set(_ changes: [Entry]) {
    guard !changes.isEmpty else { return }
    var places: [ExactName: Int] = [:]
    for (place, entry) in entries.enumerated().reversed() { places[ExactName(entry.key)] = place }
    for change in changes {
      if let place = places[ExactName(change.key)] {
        entries[place].value = change.value
      } else {
        places[ExactName(change.key)] = entries.count
        entries.append(change)
      }
    }
  }

  /// The string value of a key; `nil` when it is absent or of another type.
  public func string(_ key: String) -> String? {
    guard case .string(let text)? = self[key] else { return nil }
    return text
  }
}
