// SPDX-License-Identifier: Apache-2.0
// C functions on buffers that end at a page without access, or begin behind one. What they compute is other tests'
// subject; here a byte too far ends the process.
import CIngotBytes
import CIngotKernels
import IngotKernels
import IngotTestSupport

/// A C function and how it is run on guarded buffers, by CPU level.
struct GuardedKernel: Sendable, CustomStringConvertible {
  /// The function's name in its header, without the level.
  let name: String
  /// Runs it at a level over a number of sizes, on buffers that it asks for.
  let run: @Sendable (CPULevel, GuardedBuffers) -> Void

  var description: String { name }

  /// Every function that takes a pointer and a count.
  static let all =
    conversions + blocks + quantizations + rows + statistics + others + products + narrowProducts

  /// A function of each level.
  struct Levels<Function: Sendable>: Sendable {
    let functions: [Function]

    /// Portable, AVX2 and, where there is one, AVX-512.
    init(_ functions: Function...) { self.functions = functions }

    /// The function of a level, or that of the highest below it.
    subscript(level: CPULevel) -> Function { functions[min(level.rawValue, functions.count - 1)] }
  }

  /// Counts of elements: around every width of vectors and of loops over several of them.
  static let counts =
    Array(0...70) + [95, 96, 97, 127, 128, 129, 191, 193, 255, 256, 257, 511, 513, 1023, 1025]
}

/// The buffers of one run, which stay until it has ended.
final class GuardedBuffers {
  private let side: GuardedMemory.Side
  private var kept: [GuardedMemory] = []

  /// Starts without any; each will touch its page without access on this side.
  init(_ side: GuardedMemory.Side) { self.side = side }

  /// An input of numbers from -1 to 1.
  func floats(_ count: Int) -> GuardedMemory { frozen(seeded(count) { $0.floats(count) }) }

  /// An input of any bits.
  func bits(_ byteCount: Int) -> GuardedMemory { frozen(seeded(byteCount) { $0.bytes(byteCount) }) }

  /// An input of these elements.
  func frozen<Element>(_ elements: [Element]) -> GuardedMemory { copy(elements).freeze() }

  /// These elements, to be changed.
  func copy<Element>(_ elements: [Element]) -> GuardedMemory { keep(GuardedMemory(elements, side: side)) }

  /// Memory for a result.
  func room(_ byteCount: Int) -> GuardedMemory { keep(GuardedMemory(byteCount: byteCount, side: side)) }

  private func keep(_ memory: GuardedMemory) -> GuardedMemory {
    kept.append(memory)
    return memory
  }

  private func seeded<Element>(_ seed: Int, _ make: (inout SeededRandom) -> [Element]) -> [Element] {
    var random = SeededRandom(seed: UInt64(seed))
    return make(&random)
  }
}

// MARK: - Conversions

extension GuardedKernel {
  private typealias Widen = @convention(c) @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void
  private typealias Narrow =
    @convention(c) @Sendable (
      UnsafeRawPointer, UnsafeMutableRawPointer, Int, Int32, UnsafeMutablePointer<ingot_cast_counts>
    ) -> Void

  private static func widen(_ name: String, _ from: Int, _ to: Int, _ levels: Levels<Widen>) -> GuardedKernel
  {
    GuardedKernel(name: name) { level, buffers in
      for count in counts {
        let (x, y) = (buffers.bits(count * from), buffers.room(count * to))
        levels[level](x.start, y.start, count)
      }
    }
  }

  private static func narrow(_ name: String, _ from: Int, _ to: Int, _ levels: Levels<Narrow>)
    -> GuardedKernel
  {
    GuardedKernel(name: name) { level, buffers in
      for count in counts {
        for saturate: Int32 in [0, 1] {
          // Any bits: NaN, infinities and overflows among them.
          let (x, y) = (buffers.bits(count * from), buffers.room(count * to))
          var done = ingot_cast_counts()
          levels[level](x.start, y.start, count, saturate, &done)
        }
      }
    }
  }

  static let conversions: [GuardedKernel] = [
    widen(
      "ingot_widen_f16_f32", 2, 4,
      Levels(ingot_widen_f16_f32_portable, ingot_widen_f16_f32_avx2, ingot_widen_f16_f32_avx512)),
    widen(
      "ingot_widen_bf16_f32", 2, 4,
      Levels(ingot_widen_bf16_f32_portable, ingot_widen_bf16_f32_avx2, ingot_widen_bf16_f32_avx512)),
    widen(
      "ingot_widen_f8e4m3_f32", 1, 4,
      Levels(ingot_widen_f8e4m3_f32_portable, ingot_widen_f8e4m3_f32_avx2, ingot_widen_f8e4m3_f32_avx512)),
    widen(
      "ingot_widen_f8e5m2_f32", 1, 4,
      Levels(ingot_widen_f8e5m2_f32_portable, ingot_widen_f8e5m2_f32_avx2, ingot_widen_f8e5m2_f32_avx512)),
    widen(
      "ingot_widen_f8e8m0_f32", 1, 4,
      Levels(ingot_widen_f8e8m0_f32_portable, ingot_widen_f8e8m0_f32_avx2, ingot_widen_f8e8m0_f32_avx512)),
    widen(
      "ingot_widen_i8_f32", 1, 4,
      Levels(ingot_widen_i8_f32_portable, ingot_widen_i8_f32_avx2, ingot_widen_i8_f32_avx512)),
    widen(
      "ingot_widen_u8_f32", 1, 4,
      Levels(ingot_widen_u8_f32_portable, ingot_widen_u8_f32_avx2, ingot_widen_u8_f32_avx512)),
    widen(
      "ingot_widen_i16_f32", 2, 4,
      Levels(ingot_widen_i16_f32_portable, ingot_widen_i16_f32_avx2, ingot_widen_i16_f32_avx512)),
    widen(
      "ingot_widen_u16_f32", 2, 4,
      Levels(ingot_widen_u16_f32_portable, ingot_widen_u16_f32_avx2, ingot_widen_u16_f32_avx512)),
    widen(
      "ingot_widen_f32_f64", 4, 8,
      Levels(ingot_widen_f32_f64_portable, ingot_widen_f32_f64_avx2, ingot_widen_f32_f64_avx512)),
    widen(
      "ingot_f64_f32_odd", 8, 4,
      Levels(ingot_f64_f32_odd_portable, ingot_f64_f32_odd_avx2, ingot_f64_f32_odd_avx512)),
    narrow("ingot_f64_f32", 8, 4, Levels(ingot_f64_f32_portable, ingot_f64_f32_avx2, ingot_f64_f32_avx512)),
    narrow("ingot_f32_f16", 4, 2, Levels(ingot_f32_f16_portable, ingot_f32_f16_avx2, ingot_f32_f16_avx512)),
    narrow(
      "ingot_f32_bf16", 4, 2, Levels(ingot_f32_bf16_portable, ingot_f32_bf16_avx2, ingot_f32_bf16_avx512)),
    narrow(
      "ingot_f32_f8e4m3", 4, 1,
      Levels(ingot_f32_f8e4m3_portable, ingot_f32_f8e4m3_avx2, ingot_f32_f8e4m3_avx512)),
    narrow(
      "ingot_f32_f8e5m2", 4, 1,
      Levels(ingot_f32_f8e5m2_portable, ingot_f32_f8e5m2_avx2, ingot_f32_f8e5m2_avx512)),
  ]
}

// MARK: - Blocks

extension GuardedKernel {
  private typealias Decode =
    @convention(c) @Sendable (UnsafePointer<UInt8>, UnsafeMutableRawPointer, Int) -> Void

  /// Blocks of so many bytes that stand for so many values.
  private static func decode(
    _ name: String, _ byteCount: Int, _ valueCount: Int, _ levels: Levels<Decode>
  ) -> GuardedKernel {
    GuardedKernel(name: name) { level, buffers in
      for count in 0...17 {
        let (x, y) = (buffers.bits(count * byteCount), buffers.room(count * valueCount * 4))
        levels[level](x.of(UInt8.self), y.start, count)
      }
    }
  }

  static let blocks: [GuardedKernel] = [
    decode(
      "ingot_decode_q4_0", 18, 32,
      Levels(ingot_decode_q4_0_portable, ingot_decode_q4_0_avx2, ingot_decode_q4_0_avx512)),
    decode(
      "ingot_decode_q4_1", 20, 32,
      Levels(ingot_decode_q4_1_portable, ingot_decode_q4_1_avx2, ingot_decode_q4_1_avx512)),
    decode(
      "ingot_decode_q5_0", 22, 32,
      Levels(ingot_decode_q5_0_portable, ingot_decode_q5_0_avx2, ingot_decode_q5_0_avx512)),
    decode(
      "ingot_decode_q5_1", 24, 32,
      Levels(ingot_decode_q5_1_portable, ingot_decode_q5_1_avx2, ingot_decode_q5_1_avx512)),
    decode(
      "ingot_decode_q8_0", 34, 32,
      Levels(ingot_decode_q8_0_portable, ingot_decode_q8_0_avx2, ingot_decode_q8_0_avx512)),
    decode(
      "ingot_decode_q2_k", 84, 256,
      Levels(ingot_decode_q2_k_portable, ingot_decode_q2_k_avx2, ingot_decode_q2_k_avx512)),
    decode(
      "ingot_decode_q3_k", 110, 256,
      Levels(ingot_decode_q3_k_portable, ingot_decode_q3_k_avx2, ingot_decode_q3_k_avx512)),
    decode(
      "ingot_decode_q4_k", 144, 256,
      Levels(ingot_decode_q4_k_portable, ingot_decode_q4_k_avx2, ingot_decode_q4_k_avx512)),
    decode(
      "ingot_decode_q5_k", 176, 256,
      Levels(ingot_decode_q5_k_portable, ingot_decode_q5_k_avx2, ingot_decode_q5_k_avx512)),
    decode(
      "ingot_decode_q6_k", 210, 256,
      Levels(ingot_decode_q6_k_portable, ingot_decode_q6_k_avx2, ingot_decode_q6_k_avx512)),
    decode(
      "ingot_decode_q8_k", 292, 256,
      Levels(ingot_decode_q8_k_portable, ingot_decode_q8_k_avx2, ingot_decode_q8_k_avx512)),
    GuardedKernel(name: "ingot_encode_q8_0") { level, buffers in
      let encode = Levels(ingot_encode_q8_0_portable, ingot_encode_q8_0_avx2, ingot_encode_q8_0_avx512)
      for count in 0...17 {
        for x in [buffers.bits(count * 128), buffers.floats(count * 32)] {
          let y = buffers.room(count * 34)
          var rounding = ingot_rounding()
          _ = encode[level](x.start, y.of(UInt8.self), count, &rounding)
        }
      }
    },
  ]
}
