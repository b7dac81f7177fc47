// SPDX-License-Identifier: Apache-2.0
// Commits the fault that INGOT_PLANTED_FAULT names, for Scripts/test-sanitizers, which fails unless its sanitizer reports it
// from within `swift test`. Otherwise nothing is asked for.
import CPlantedFaults
import Foundation
import Testing

@Suite struct PlantedFaultTests {
  @Test func `a planted fault is committed when it is asked for`() throws {
    switch ProcessInfo.processInfo.environment["INGOT_PLANTED_FAULT"] {
    case nil: break
    case "c-overread": #expect(planted_overread(24) >= 0)
    case "c-overflow": #expect(planted_overflow(.max) != 0)
    case "c-race": #expect(planted_race() > 0)
    case "swift-overread": #expect(Self.overread(24) >= 0)
    case "swift-race": #expect(Self.race() > 0)
    case let name?: Issue.record("no fault is called \(name)")
    }
  }

  /// Reads the byte behind a block of memory.
  private static func overread(_ count: Int) -> Int {
    let block = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    defer { block.deallocate() }
    block.initialize(repeating: 1, count: count)
    // SAFETY: none; this is the fault.
    return Int(block[count])
  }

  /// Two threads that add to one number without a lock.
  private static func race() -> Int {
    // SAFETY: none; this is the fault.
    nonisolated(unsafe) let shared = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    shared.initialize(to: 0)
    let other = Thread { for _ in 0..<1000 { shared.pointee += 1 } }
    other.start()
    for _ in 0..<1000 { shared.pointee += 1 }
    while !other.isFinished { Thread.sleep(forTimeInterval: 0.001) }
    return shared.pointee
  }
}
