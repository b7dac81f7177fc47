// SPDX-License-Identifier: Apache-2.0
// Loops over one row, over elements and over bytes, on guarded buffers.
import CIngotBytes
import CIngotKernels
import IngotKernels
import IngotTestSupport

// MARK: - Quantizing

extension GuardedKernel {
  static let quantizations: [GuardedKernel] = [
    GuardedKernel(name: "ingot_quantize_kernels.peak") { level, buffers in
      let peak = Levels { ingot_quantize_kernels_of($0).peak }
      for count in counts { _ = peak[level](buffers.floats(count).of(Float.self), count) }
    },
    GuardedKernel(name: "ingot_quantize_kernels.peak_columns") { level, buffers in
      let peak = Levels { ingot_quantize_kernels_of($0).peak_columns }
      for count in counts {
        let (x, peaks) = (buffers.floats(count), buffers.room(count * 4))
        peak[level](x.of(Float.self), count, peaks.of(UInt32.self))
      }
    },
    GuardedKernel(name: "ingot_quantize_kernels.quantize_i8") { level, buffers in
      let quantize = Levels { ingot_quantize_kernels_of($0).quantize_i8 }
      for count in counts {
        let (x, q) = (buffers.floats(count), buffers.room(count))
        var rounding = ingot_rounding()
        quantize[level](x.of(Float.self), count, 0.007, q.of(Int8.self), &rounding)
      }
    },
    GuardedKernel(name: "ingot_quantize_kernels.quantize_i8_columns") { level, buffers in
      let quantize = Levels { ingot_quantize_kernels_of($0).quantize_i8_columns }
      for count in counts {
        let (x, scales, q) = (buffers.floats(count), buffers.floats(count), buffers.room(count))
        var rounding = ingot_rounding()
        quantize[level](x.of(Float.self), count, scales.of(Float.self), q.of(Int8.self), &rounding)
      }
    },
    GuardedKernel(name: "ingot_quantize_kernels.clipped") { level, buffers in
      let clipped = Levels { ingot_quantize_kernels_of($0).clipped }
      for count in counts { _ = clipped[level](buffers.floats(count).of(Float.self), count, 1e-4) }
    },
    GuardedKernel(name: "ingot_quantize_kernels.clipped_columns") { level, buffers in
      let clipped = Levels { ingot_quantize_kernels_of($0).clipped_columns }
      for count in counts {
        let (x, scales) = (buffers.floats(count), buffers.floats(count))
        _ = clipped[level](x.of(Float.self), count, scales.of(Float.self))
      }
    },
  ]
}

// MARK: - Error feedback

extension GuardedKernel {
  static let feedback: [GuardedKernel] = [
    GuardedKernel(name: "ingot_feedback_kernels.dot") { level, buffers in
      let dot = Levels { ingot_feedback_kernels_of($0).dot }
      for count in counts {
        _ = dot[level](buffers.floats(count).of(Float.self), buffers.floats(count).of(Float.self), count)
      }
    },
    GuardedKernel(name: "ingot_feedback_kernels.add_multiple") { level, buffers in
      let add = Levels { ingot_feedback_kernels_of($0).add_multiple }
      for count in counts {
        let sums = buffers.copy([Double](repeating: 1, count: count))
        add[level](buffers.floats(count).of(Float.self), 0.5, sums.of(Double.self), count)
      }
    },
    GuardedKernel(name: "ingot_feedback_kernels.round_rows") { level, buffers in
      let round = Levels { ingot_feedback_kernels_of($0).round_rows }
      let rows = Int(INGOT_FEEDBACK_ROWS)
      for (count, size) in [(0, 1), (1, 1), (3, 2), (4, 4), (17, 5), (33, 33), (64, 16)] {
        let (x, factor) = (buffers.floats(count * rows), buffers.floats(count * count))
        let scales = buffers.floats((count + size - 1) / size * rows)
        let (errors, q) = (buffers.room(count * rows * 4), buffers.room(count * rows))
        round[level](
          x.of(Float.self), count, factor.of(Float.self), scales.of(Float.self), size, errors.of(Float.self),
          q.of(Int8.self))
      }
    },
  ]
}

// MARK: - Rows

extension GuardedKernel {
  private typealias Softmax =
    @convention(c) @Sendable (UnsafeMutablePointer<Float>, Int, UnsafePointer<UInt8>?) -> Void

  private static func softmax(_ name: String, _ levels: Levels<Softmax>) -> GuardedKernel {
    GuardedKernel(name: name) { level, buffers in
      var random = SeededRandom(seed: 3)
      for count in counts {
        let x = buffers.copy(random.floats(count))
        let mask = buffers.frozen(random.bytes(count).map { $0 & 1 })
        levels[level](x.of(Float.self), count, nil)
        levels[level](x.of(Float.self), count, mask.of(UInt8.self))
      }
    }
  }

  static let rows: [GuardedKernel] = [
    GuardedKernel(name: "ingot_row_kernels.activate") { level, buffers in
      let activate = Levels { ingot_row_kernels_of($0).activate }
      for kind in 0...11 {
        for accuracy in [0, INGOT_ACTIVATION_QUICK] {
          for count in counts {
            let (x, y) = (buffers.floats(count), buffers.room(count * 4))
            activate[level](x.of(Float.self), y.of(Float.self), count, Int32(kind) + Int32(accuracy))
          }
        }
      }
    },
    GuardedKernel(name: "ingot_row_kernels.layer_norm") { level, buffers in
      let norm = Levels { ingot_row_kernels_of($0).layer_norm }
      for count in counts where count > 0 {
        for rows in [1, 3] {
          let (x, y) = (buffers.floats(rows * count), buffers.room(rows * count * 4))
          let (gain, bias) = (buffers.floats(count), buffers.floats(count))
          norm[level](
            x.of(Float.self), y.of(Float.self), rows, count, gain.of(Float.self), bias.of(Float.self), 1e-5)
        }
      }
    },
    GuardedKernel(name: "ingot_row_kernels.rms_norm") { level, buffers in
      let norm = Levels { ingot_row_kernels_of($0).rms_norm }
      for count in counts where count > 0 {
        for rows in [1, 3] {
          let (x, y, gain) = (
            buffers.floats(rows * count), buffers.room(rows * count * 4), buffers.floats(count)
          )
          norm[level](x.of(Float.self), y.of(Float.self), rows, count, gain.of(Float.self), 1, 1e-5)
        }
      }
    },
    GuardedKernel(name: "ingot_row_kernels.rotate") { level, buffers in
      let rotate = Levels { ingot_row_kernels_of($0).rotate }
      for half in counts {
        for rest in [0, 1, 9] {
          let width = 2 * half + rest
          let (x, y) = (buffers.floats(3 * width), buffers.room(3 * width * 4))
          let (cosine, sine) = (buffers.floats(half), buffers.floats(half))
          rotate[level](
            x.of(Float.self), y.of(Float.self), 3, width, half, cosine.of(Float.self), sine.of(Float.self))
        }
      }
    },
    softmax("ingot_row_kernels.softmax", Levels { ingot_row_kernels_of($0).softmax }),
    softmax(
      "ingot_row_kernels.softmax_quick",
      Levels { ingot_row_kernels_of($0).softmax_quick }),
    GuardedKernel(name: "ingot_row_kernels.sum_scores") { level, buffers in
      let sum = Levels { ingot_row_kernels_of($0).sum_scores }
      for count in counts {
        var scores = ingot_scores()
        sum[level](buffers.floats(count).of(Float.self), count, &scores)
      }
    },
    GuardedKernel(name: "ingot_row_kernels.divergence") { level, buffers in
      let divergence = Levels { ingot_row_kernels_of($0).divergence }
      for count in counts {
        let (x, y) = (buffers.floats(count), buffers.floats(count))
        _ = divergence[level](x.of(Float.self), y.of(Float.self), count, 1, 2)
      }
    },
    GuardedKernel(name: "ingot_row_kernels.add") { level, buffers in
      let add = Levels { ingot_row_kernels_of($0).add }
      for count in counts {
        let (a, b, y) = (buffers.floats(count), buffers.floats(count), buffers.room(count * 4))
        add[level](a.of(Float.self), b.of(Float.self), y.of(Float.self), count)
      }
    },
    GuardedKernel(name: "ingot_row_kernels.multiply") { level, buffers in
      let multiply = Levels { ingot_row_kernels_of($0).multiply }
      for count in counts {
        let (a, b, y) = (buffers.floats(count), buffers.floats(count), buffers.room(count * 4))
        multiply[level](a.of(Float.self), b.of(Float.self), y.of(Float.self), count)
      }
    },
  ]
}

// MARK: - Signatures

extension GuardedKernel {
  static let signatures: [GuardedKernel] = [
    GuardedKernel(name: "ingot_minhash_kernels.lower") { level, buffers in
      let lower = Levels { ingot_minhash_kernels_of($0).lower }
      for count in counts {
        for permutations in [1, 15, 16, 17, 128] {
          let (hashes, least) = (
            buffers.bits(count * 4), buffers.copy([UInt32](repeating: .max, count: permutations))
          )
          let (factors, offsets) = (buffers.bits(permutations * 4), buffers.bits(permutations * 4))
          lower[level](
            hashes.of(UInt32.self), count, factors.of(UInt32.self), offsets.of(UInt32.self), permutations,
            least.of(UInt32.self))
        }
      }
    }
  ]
}

// MARK: - Statistics

extension GuardedKernel {
  static let statistics: [GuardedKernel] = [
    GuardedKernel(name: "ingot_statistics_kernels.f32") { level, buffers in
      let take = Levels { ingot_statistics_kernels_of($0).f32 }
      for count in counts {
        var result = ingot_statistics()
        take[level](buffers.floats(count).of(Float.self), count, &result)
        take[level](buffers.bits(count * 4).of(Float.self), count, &result)
      }
    },
    GuardedKernel(name: "ingot_statistics_kernels.f64") { level, buffers in
      let take = Levels { ingot_statistics_kernels_of($0).f64 }
      for count in counts {
        var result = ingot_statistics()
        take[level](buffers.bits(count * 8).of(Double.self), count, &result)
      }
    },
    GuardedKernel(name: "ingot_quantize_kernels.peak") { level, buffers in
      let take = Levels { ingot_quantize_kernels_of($0).peak }
      for count in counts { _ = take[level](buffers.floats(count).of(Float.self), count) }
    },
    GuardedKernel(name: "ingot_quantize_kernels.peak_columns") { level, buffers in
      let take = Levels { ingot_quantize_kernels_of($0).peak_columns }
      for count in counts where count > 0 {
        let peaks = buffers.copy([UInt32](repeating: 0, count: count))
        take[level](buffers.floats(count).of(Float.self), count, peaks.of(UInt32.self))
      }
    },
  ]
}

// MARK: - Others

extension GuardedKernel {
  static let others: [GuardedKernel] = [
    GuardedKernel(name: "ingot_random_kernels.normal") { level, buffers in
      let normal = Levels { ingot_random_kernels_of($0).normal }
      for count in counts {
        for first: UInt64 in [0, 2, 38] {
          normal[level](7, first, count, 0.02, buffers.room(count * 4).of(Float.self))
        }
      }
    },
    GuardedKernel(name: "ingot_transpose_kernels.transpose") { level, buffers in
      let transpose = Levels { ingot_transpose_kernels_of($0).transpose }
      for width in [1, 2, 3, 4, 5, 8, 12, 16] {
        for (rows, columns) in [
          (1, 1), (1, 37), (37, 1), (3, 5), (8, 8), (16, 32), (17, 33), (64, 65), (67, 129),
        ] {
          for padding in [0, 3] {
            let from = buffers.bits(rows * (columns * width + padding) - padding)
            let to = buffers.room(columns * (rows * width + padding) - padding)
            transpose[level](
              from.start, columns * width + padding, rows, columns, width, to.start, rows * width + padding)
          }
        }
      }
    },
    GuardedKernel(name: "ingot_memory_allocate") { _, _ in
      for count in [0, 1, 63, 64, 4095, 4097, 1 << 18, (1 << 18) + 1, (2 << 20) + 5] {
        guard let memory = ingot_memory_allocate(count) else { continue }
        memory.initializeMemory(as: UInt8.self, repeating: 1, count: count)
        ingot_memory_free(memory, count)
      }
    },
    GuardedKernel(name: "ingot_crc32_fold") { level, buffers in
      for count in counts {
        var crc: UInt32 = 0
        let taken = ingot_crc32_fold(
          min(Int32(level.rawValue), ingot_crc32_level()), &crc, buffers.bits(count).start, count)
        precondition(taken <= count, "no more than there are")
      }
    },
    GuardedKernel(name: "ingot_crc32c") { _, buffers in
      for count in counts + [12_289, 30_001] { _ = ingot_crc32c(0, buffers.bits(count).start, count) }
    },
    GuardedKernel(name: "ingot_crc32c_portable") { _, buffers in
      for count in counts { _ = ingot_crc32c_portable(0, buffers.bits(count).start, count) }
    },
  ]
}
