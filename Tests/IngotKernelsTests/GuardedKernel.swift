// SPDX-License-Identifier: Apache-2.0
// C functions on buffers that end at a page without access, or begin behind one. What they compute is other tests'
// subject; here a byte too far ends the process.
import CIngotBytes
import CIngotKernels
import IngotKernels
import IngotTestSupport

/// A C function and how it is run on guarded buffers, by CPU level.
struct GuardedKernel: Sendable, CustomStringConvertible {
  /// The function's name in its header, behind that of its structure.
  let name: String
  /// Runs it at a level over a number of sizes, on buffers that it asks for.
  let run: @Sendable (CPULevel, GuardedBuffers) -> Void

  var description: String { name }

  /// Every function that takes a pointer and a count.
  static let all =
    conversions + blocks + quantizations + feedback + rows + statistics + signatures + others + products
    + narrowProducts

  /// A function of each level.
  struct Levels<Function>: Sendable {
    let function: @Sendable (_ level: Int32) -> Function

    /// Takes a field of the structure of a level, as C's `…_of(level)` gives it.
    init(_ function: @escaping @Sendable (_ level: Int32) -> Function) { self.function = function }

    /// The function of a level.
    subscript(level: CPULevel) -> Function { function(Int32(level.rawValue)) }
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
      "ingot_convert_kernels.widen_f16_f32", 2, 4,
      Levels { ingot_convert_kernels_of($0).widen_f16_f32 }),
    widen(
      "ingot_convert_kernels.widen_bf16_f32", 2, 4,
      Levels { ingot_convert_kernels_of($0).widen_bf16_f32 }),
    widen(
      "ingot_convert_kernels.widen_f8e4m3_f32", 1, 4,
      Levels { ingot_convert_kernels_of($0).widen_f8e4m3_f32 }),
    widen(
      "ingot_convert_kernels.widen_f8e5m2_f32", 1, 4,
      Levels { ingot_convert_kernels_of($0).widen_f8e5m2_f32 }),
    widen(
      "ingot_convert_kernels.widen_f8e8m0_f32", 1, 4,
      Levels { ingot_convert_kernels_of($0).widen_f8e8m0_f32 }),
    widen(
      "ingot_convert_kernels.widen_i8_f32", 1, 4,
      Levels { ingot_convert_kernels_of($0).widen_i8_f32 }),
    widen(
      "ingot_convert_kernels.widen_u8_f32", 1, 4,
      Levels { ingot_convert_kernels_of($0).widen_u8_f32 }),
    widen(
      "ingot_convert_kernels.widen_i16_f32", 2, 4,
      Levels { ingot_convert_kernels_of($0).widen_i16_f32 }),
    widen(
      "ingot_convert_kernels.widen_u16_f32", 2, 4,
      Levels { ingot_convert_kernels_of($0).widen_u16_f32 }),
    widen(
      "ingot_convert_kernels.widen_f32_f64", 4, 8,
      Levels { ingot_convert_kernels_of($0).widen_f32_f64 }),
    widen(
      "ingot_convert_kernels.f64_f32_odd", 8, 4,
      Levels { ingot_convert_kernels_of($0).f64_f32_odd }),
    narrow("ingot_convert_kernels.f64_f32", 8, 4, Levels { ingot_convert_kernels_of($0).f64_f32 }),
    narrow("ingot_convert_kernels.f32_f16", 4, 2, Levels { ingot_convert_kernels_of($0).f32_f16 }),
    narrow(
      "ingot_convert_kernels.f32_bf16", 4, 2, Levels { ingot_convert_kernels_of($0).f32_bf16 }),
    narrow(
      "ingot_convert_kernels.f32_f8e4m3", 4, 1,
      Levels { ingot_convert_kernels_of($0).f32_f8e4m3 }),
    narrow(
      "ingot_convert_kernels.f32_f8e5m2", 4, 1,
      Levels { ingot_convert_kernels_of($0).f32_f8e5m2 }),
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
      "ingot_block_kernels.decode_q4_0", 18, 32,
      Levels { ingot_block_kernels_of($0).decode_q4_0 }),
    decode(
      "ingot_block_kernels.decode_q4_1", 20, 32,
      Levels { ingot_block_kernels_of($0).decode_q4_1 }),
    decode(
      "ingot_block_kernels.decode_q5_0", 22, 32,
      Levels { ingot_block_kernels_of($0).decode_q5_0 }),
    decode(
      "ingot_block_kernels.decode_q5_1", 24, 32,
      Levels { ingot_block_kernels_of($0).decode_q5_1 }),
    decode(
      "ingot_block_kernels.decode_q8_0", 34, 32,
      Levels { ingot_block_kernels_of($0).decode_q8_0 }),
    decode(
      "ingot_block_kernels.decode_q2_k", 84, 256,
      Levels { ingot_block_kernels_of($0).decode_q2_k }),
    decode(
      "ingot_block_kernels.decode_q3_k", 110, 256,
      Levels { ingot_block_kernels_of($0).decode_q3_k }),
    decode(
      "ingot_block_kernels.decode_q4_k", 144, 256,
      Levels { ingot_block_kernels_of($0).decode_q4_k }),
    decode(
      "ingot_block_kernels.decode_q5_k", 176, 256,
      Levels { ingot_block_kernels_of($0).decode_q5_k }),
    decode(
      "ingot_block_kernels.decode_q6_k", 210, 256,
      Levels { ingot_block_kernels_of($0).decode_q6_k }),
    decode(
      "ingot_block_kernels.decode_q8_k", 292, 256,
      Levels { ingot_block_kernels_of($0).decode_q8_k }),
    decode(
      "ingot_block_kernels.decode_iq2_xxs", 66, 256,
      Levels { ingot_block_kernels_of($0).decode_iq2_xxs }),
    decode(
      "ingot_block_kernels.decode_iq2_xs", 74, 256,
      Levels { ingot_block_kernels_of($0).decode_iq2_xs }),
    decode(
      "ingot_block_kernels.decode_iq2_s", 82, 256,
      Levels { ingot_block_kernels_of($0).decode_iq2_s }),
    decode(
      "ingot_block_kernels.decode_iq3_xxs", 98, 256,
      Levels { ingot_block_kernels_of($0).decode_iq3_xxs }),
    decode(
      "ingot_block_kernels.decode_iq3_s", 110, 256,
      Levels { ingot_block_kernels_of($0).decode_iq3_s }),
    decode(
      "ingot_block_kernels.decode_iq1_s", 50, 256,
      Levels { ingot_block_kernels_of($0).decode_iq1_s }),
    decode(
      "ingot_block_kernels.decode_iq1_m", 56, 256,
      Levels { ingot_block_kernels_of($0).decode_iq1_m }),
    decode(
      "ingot_block_kernels.decode_iq4_nl", 18, 32,
      Levels { ingot_block_kernels_of($0).decode_iq4_nl }),
    decode(
      "ingot_block_kernels.decode_iq4_xs", 136, 256,
      Levels { ingot_block_kernels_of($0).decode_iq4_xs }),
    decode(
      "ingot_block_kernels.decode_tq1_0", 54, 256,
      Levels { ingot_block_kernels_of($0).decode_tq1_0 }),
    decode(
      "ingot_block_kernels.decode_tq2_0", 66, 256,
      Levels { ingot_block_kernels_of($0).decode_tq2_0 }),
    decode(
      "ingot_block_kernels.decode_mxfp4", 17, 32,
      Levels { ingot_block_kernels_of($0).decode_mxfp4 }),
    decode(
      "ingot_block_kernels.decode_nvfp4", 36, 64,
      Levels { ingot_block_kernels_of($0).decode_nvfp4 }),
    decode(
      "ingot_block_kernels.decode_q1_0", 18, 128,
      Levels { ingot_block_kernels_of($0).decode_q1_0 }),
    decode(
      "ingot_block_kernels.decode_q2_0", 18, 64,
      Levels { ingot_block_kernels_of($0).decode_q2_0 }),
    GuardedKernel(name: "ingot_quantize_kernels.fit_scales") { level, buffers in
      let fit = Levels { ingot_quantize_kernels_of($0).fit_scales }
      for (runs, size) in [(0, 5), (1, 1), (3, 15), (2, 16), (5, 17), (3, 128)] {
        for x in [buffers.bits(runs * size * 4), buffers.floats(runs * size)] {
          for type in [INGOT_SCALE_F32, INGOT_SCALE_F16, INGOT_SCALE_BF16] {
            let (weights, scales) = (buffers.floats(runs * size), buffers.room(runs * 4))
            fit[level](x.of(Float.self), nil, runs, size, Int32(type), scales.of(Float.self))
            fit[level](
              x.of(Float.self), weights.of(Float.self), runs, size, Int32(type), scales.of(Float.self))
          }
        }
      }
    },
    GuardedKernel(name: "ingot_quantize_kernels.encode_q8_0") { level, buffers in
      let encode = Levels { ingot_quantize_kernels_of($0).encode_q8_0 }
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
