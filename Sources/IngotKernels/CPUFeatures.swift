// SPDX-License-Identifier: Apache-2.0
// Which instruction sets the processor carries, and which level of kernels is used.
import CIngotKernels

/// A level of kernels: a set of instructions that all kernels of the level may use.
package enum CPULevel: Int, CaseIterable, Comparable, Sendable {
  /// Plain C, any processor.
  case portable = 0
  /// AVX2 with FMA and F16C.
  case avx2 = 1
  /// AVX-512 F, BW, DQ and VL.
  case avx512 = 2

  /// The spelling that `INGOT_CPU` takes.
  package var name: String { "\(self)" }

  /// Reads a spelling of `INGOT_CPU`.
  package init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  /// Orders levels by what they need.
  package static func < (left: CPULevel, right: CPULevel) -> Bool { left.rawValue < right.rawValue }
}

/// What the processor offers and what the environment asks for.
package struct CPUFeatures: Sendable, CustomStringConvertible {
  /// The highest level that processor and system carry.
  package let highest: CPULevel
  /// The value of `INGOT_CPU`, if set.
  package let request: String?

  /// Records features; ``current`` asks the machine.
  package init(highest: CPULevel, request: String? = nil) {
    self.highest = highest
    self.request = request
  }

  /// This machine and environment, found once.
  package static let current = CPUFeatures(
    highest: CPULevel(rawValue: Int(ingot_cpu_level())) ?? .portable,
    request: ingot_cpu_request().map { String(cString: $0) })

  /// The level that kernels use: the one asked for, when it exists here, else the highest.
  package var level: CPULevel {
    guard let request, let asked = CPULevel(name: request), asked <= highest else { return highest }
    return asked
  }

  /// The levels that can run here, lowest first.
  package var available: [CPULevel] { CPULevel.allCases.filter { $0 <= highest } }

  /// The level, with the reason when a request was not met: `avx2 (INGOT_CPU=avx512 is not available here)`.
  package var description: String {
    guard let request else { return level.name }
    guard let asked = CPULevel(name: request) else {
      return "\(level.name) (INGOT_CPU=\(request) is none of portable, avx2, avx512)"
    }
    return asked <= highest
      ? "\(level.name) (INGOT_CPU)" : "\(level.name) (INGOT_CPU=\(request) is not available here)"
  }
}
