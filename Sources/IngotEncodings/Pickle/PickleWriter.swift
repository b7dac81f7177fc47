// SPDX-License-Identifier: Apache-2.0
// Writes pickles of protocol 2 with the instructions that torch's own restricted reader takes, and no others.
// Page: formats/containers/pickle.md.
import IngotBytes

/// Writes one pickle, instruction by instruction; texts and globals that come again are taken from the memo.
package struct PickleWriter {
  /// The pickle so far.
  package private(set) var bytes: [UInt8] = [0x80, 2]
  private var memo: [Remembered: UInt32] = [:]

  private enum Remembered: Hashable {
    case text(String)
    case global(module: String, name: String)
  }

  /// Starts a pickle.
  package init() {}

  /// Keeps room for so many bytes.
  package mutating func reserve(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }

  private mutating func put(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  /// Writes `None`.
  package mutating func none() { put(.none) }

  /// Writes a truth value.
  package mutating func boolean(_ value: Bool) { put(value ? .newTrue : .newFalse) }

  /// Writes an integer.
  package mutating func integer(_ number: Int) {
    switch number {
    case 0...0xFF:
      put(.binInt1)
      bytes.append(UInt8(number))
    case 0x100...0xFFFF:
      put(.binInt2)
      bytes.appendLittle(UInt16(number))
    case Int(Int32.min)...Int(Int32.max):
      put(.binInt)
      bytes.appendLittle(Int32(number))
    default:
      put(.long1)
      bytes.append(8)
      bytes.appendLittle(Int64(number))
    }
  }

  /// Writes a floating-point number.
  package mutating func real(_ number: Double) {
    put(.binFloat)
    let bits = number.bitPattern
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
    }
  }

  /// Writes text; `isRepeated` for text that will come again.
  package mutating func text(_ text: String, isRepeated: Bool = false) {
    if isRepeated, recall(.text(text)) { return }
    put(.binUnicode)
    bytes.appendLittle(UInt32(text.utf8.count))
    bytes += text.utf8
    if isRepeated { remember(.text(text)) }
  }

  /// Writes a global.
  package mutating func global(_ module: String, _ name: String) {
    guard !recall(.global(module: module, name: name)) else { return }
    put(.global)
    bytes += "\(module)\n\(name)\n".utf8
    remember(.global(module: module, name: name))
  }

  /// Writes a tuple of what `body` writes.
  package mutating func tuple(_ body: (inout PickleWriter) -> Void) {
    put(.mark)
    body(&self)
    put(.tuple)
  }

  /// Writes a tuple of integers.
  package mutating func tuple(of numbers: [Int]) {
    guard !numbers.isEmpty else { return put(.emptyTuple) }
    tuple { writer in
      for number in numbers { writer.integer(number) }
    }
  }

  /// Writes a dictionary of the keys and values that `body` writes in turn.
  package mutating func dictionary(_ body: (inout PickleWriter) -> Void) {
    put(.emptyDict)
    put(.mark)
    body(&self)
    put(.setItems)
  }

  /// Puts the entries of a dictionary that were written into it, and goes on with more: what is not yet in a container
  /// waits on the reader's stack.
  package mutating func continueDictionary() {
    put(.setItems)
    put(.mark)
  }

  /// Has the function written before called with the tuple written last.
  package mutating func reduce() { put(.reduce) }

  /// Makes the object written last a reference to something outside, by its id.
  package mutating func persistent() { put(.binPersId) }

  /// Ends the pickle.
  package mutating func stop() { put(.stop) }

  /// Takes an object from the memo; `false` when it is not there yet.
  private mutating func recall(_ object: Remembered) -> Bool {
    guard let position = memo[object] else { return false }
    if let short = UInt8(exactly: position) {
      put(.binGet)
      bytes.append(short)
    } else {
      put(.longBinGet)
      bytes.appendLittle(position)
    }
    return true
  }

  /// Puts the object written last into the memo.
  private mutating func remember(_ object: Remembered) {
    let position = UInt32(memo.count)
    memo[object] = position
    if let short = UInt8(exactly: position) {
      put(.binPut)
      bytes.append(short)
    } else {
      put(.longBinPut)
      bytes.appendLittle(position)
    }
  }
}
