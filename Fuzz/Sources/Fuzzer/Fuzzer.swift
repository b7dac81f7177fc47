// SPDX-License-Identifier: Apache-2.0
// What libFuzzer calls with bytes that it made: one door of Tests/_FuzzDoors, or a planted fault that it has to find.
// libFuzzer has the `main`.
import FuzzDoors
import Glibc

/// The door that INGOT_DOOR names.
private let door: @Sendable ([UInt8]) -> Void = {
  let name = getenv("INGOT_DOOR").map { String(cString: $0) } ?? ""
  switch name {
  case "planted-trap": return plantedTrap
  case "planted-overread": return plantedOverread
  default:
    guard let door = FuzzDoor.named(name) else { fatalError("INGOT_DOOR names no door: \(name)") }
    return { bytes in
      if case .fault(let words) = door.open(bytes) { fatalError(words) }
    }
  }
}()

/// What libFuzzer calls: reads one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  door(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// A trap behind three bytes, each of which coverage has to find.
private func plantedTrap(_ bytes: [UInt8]) {
  guard bytes.count > 3, bytes[0] == 0x89, bytes[1] == 0x49, bytes[2] == 0x4E else { return }
  fatalError("planted")
}

/// A read of the byte behind a block of memory, which nothing but the address sanitizer notices.
private func plantedOverread(_ bytes: [UInt8]) {
  guard bytes.count > 1, bytes[0] == 0x50 else { return }
  let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
  defer { block.deallocate() }
  block.initialize(repeating: 1, count: bytes.count)
  // SAFETY: none; this is the fault.
  let behind = block[bytes.count]
  withUnsafeBytes(of: behind) { _ = write(-1, $0.baseAddress, $0.count) }
}
