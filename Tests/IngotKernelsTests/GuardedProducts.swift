// SPDX-License-Identifier: Apache-2.0
// Matrix products on guarded buffers, each exactly as long as its header says. Packed operands are so too, without the
// alignment that callers give them: only so does their last byte touch the page behind.
import CIngotKernels
import IngotKernels
import IngotTestSupport

/// M, N, K: ones, primes, and one less, equal and one more than tiles, panels and chains of every level.
private let sizes: [(m: Int, n: Int, k: Int)] = [
  (1, 1, 1), (1, 7, 3), (2, 8, 5), (3, 9, 16), (4, 15, 17), (5, 16, 31), (6, 17, 32), (7, 31, 33),
  (13, 33, 63),
  (14, 32, 64), (15, 65, 65), (2, 130, 129), (1, 257, 66), (29, 97, 131), (2, 63, 7), (1, 129, 64),
  (3, 7, 96),
]

/// A product and the memory that it refers to.
private final class GuardedProduct {
  let size: (m: Int, n: Int, k: Int)
  private let buffers: GuardedBuffers
  let x: GuardedMemory
  let weight: GuardedMemory
  private let vectors: [GuardedMemory]
  let y: GuardedMemory
  var product = ingot_product()

  init(
    _ size: (m: Int, n: Int, k: Int), _ element: WeightMatrix.Element, isOutIn: Bool,
    _ buffers: GuardedBuffers
  ) {
    self.size = size
    self.buffers = buffers
    // Rows of blocks are whole ones.
    let padding = element == .q80 ? Int(INGOT_Q8_0_NUMBERS) : 3
    let (rows, columns) = isOutIn ? (size.n, size.k) : (size.k, size.n)
    x = buffers.floats(size.m * (size.k + padding) - padding)
    // Halves and bf16 of any bits are numbers of any size, or none.
    let count = rows * (columns + padding) - padding
    weight =
      element == .f32
      ? buffers.floats(count) : buffers.bits(element.byteCount(of: count))
    vectors = [buffers.floats(size.n), buffers.floats(size.n)]
    y = buffers.room((size.m * (size.n + padding) - padding) * 4)
    (product.m, product.n, product.k) = size
    (product.x, product.x_stride) = (UnsafePointer(x.of(Float.self)), size.k + padding)
    (product.w, product.w_stride) = (UnsafeRawPointer(weight.start), columns + padding)
    product.w_type = element.code
    product.w_is_out_in = isOutIn ? 1 : 0
    product.rows_ahead = 2 * Int(INGOT_CHAIN)
    product.end = ingot_product_end(
      scale: vectors[0].of(Float.self), scale_step: 1, bias: vectors[1].of(Float.self),
      activation: Int32(INGOT_ACTIVATION_GELU_TANH), residual: y.of(Float.self), y: y.of(Float.self),
      y_stride: size.n + padding)
  }

  /// Every size, type and layout.
  static func forEach(
    _ buffers: GuardedBuffers, layouts: [Bool] = [false, true],
    elements: [WeightMatrix.Element] = WeightMatrix.Element.plain + [.q80],
    _ body: (GuardedProduct) -> Void
  ) {
    for size in sizes {
      for element in elements {
        for isOutIn in layouts where element != .q80 || hasBlocks(size.k, isOutIn: isOutIn) {
          body(GuardedProduct(size, element, isOutIn: isOutIn, buffers))
        }
      }
    }
  }

  /// Whether a weight can be blocks of Q8_0.
  private static func hasBlocks(_ k: Int, isOutIn: Bool) -> Bool {
    isOutIn && k.isMultiple(of: Int(INGOT_Q8_0_NUMBERS))
  }

  /// Scales of every type beside int8, with the bytes of one; of blocks those in them.
  var runs: [(values: ingot_runs, width: Int)] {
    guard product.w_type == INGOT_WEIGHT_I8 else {
      let own = ingot_runs(
        scales: nil, stride: 0, type: Int32(INGOT_WEIGHT_F16), size: Int(INGOT_Q8_0_NUMBERS))
      return [(own, 2)]
    }
    return [(16, WeightMatrix.Element.f16), (32, .f32), (128, .bf16)].map { runSize, element in
      let count = Self.blocks(size.k, of: runSize)
      let (rows, columns) = product.w_is_out_in == 1 ? (size.n, count) : (count, size.n)
      let scales = buffers.bits(element.byteCount(of: rows * (columns + 1) - 1))
      let values = ingot_runs(
        scales: UnsafeRawPointer(scales.start), stride: columns + 1, type: element.code, size: runSize)
      return (values, element.byteCount(of: 1))
    }
  }

  /// Room for floats.
  func room(_ count: Int) -> GuardedMemory { buffers.room(count * 4) }

  /// Blocks of a size that hold a number of things.
  static func blocks(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }
}

extension GuardedKernel {
  /// MR and NR of the levels' products.
  private static let tiles: [CPULevel: (rows: Int, columns: Int)] = [
    .portable: (KernelTileSizes.portableRows, 8), .avx2: (6, 16), .avx512: (14, 32),
  ]

  private static let packRows = Levels { ingot_product_kernels_of($0).pack_rows }
  private static let packPanels = Levels { ingot_product_kernels_of($0).pack_panels }
  private static let multiplyPanels = Levels { ingot_product_kernels_of($0).panels }
  private static let multiplyPackedRows = Levels { ingot_product_kernels_of($0).packed_rows }

  /// The activations of a product, packed.
  private static func packedRows(_ p: GuardedProduct, _ level: CPULevel, _ tile: (rows: Int, columns: Int))
    -> GuardedMemory
  {
    let rows = p.room(GuardedProduct.blocks(p.size.m, of: tile.rows) * tile.rows * p.size.k)
    packRows[level](p.x.of(Float.self), p.product.x_stride, p.size.m, p.size.k, rows.of(Float.self))
    return rows.freeze()
  }

  /// The weight of a product, packed.
  private static func packedPanels(_ p: GuardedProduct, _ level: CPULevel, _ tile: (rows: Int, columns: Int))
    -> GuardedMemory
  {
    let count = GuardedProduct.blocks(p.size.n, of: tile.columns)
    let panels = p.room(count * tile.columns * p.size.k)
    packPanels[level](&p.product, 0, count, panels.of(Float.self))
    return panels.freeze()
  }

  /// Calls `body` with each product, its packed activations, and the number of its panels.
  private static func products(
    _ level: CPULevel, _ buffers: GuardedBuffers, layouts: [Bool] = [false, true],
    elements: [WeightMatrix.Element] = WeightMatrix.Element.plain,
    _ body: (GuardedProduct, _ rows: GuardedMemory, _ tile: (rows: Int, columns: Int), _ panels: Int) -> Void
  ) {
    guard let tile = tiles[level] else { return }
    GuardedProduct.forEach(buffers, layouts: layouts, elements: elements) { p in
      let rows = packedRows(p, level, tile)
      body(p, rows, tile, GuardedProduct.blocks(p.size.n, of: tile.columns))
    }
  }

  static let products: [GuardedKernel] = [
    GuardedKernel(name: "ingot_product_kernels.pack_rows") { level, buffers in
      products(level, buffers) { _, _, _, _ in }
    },
    GuardedKernel(name: "ingot_product_kernels.pack_panels") { level, buffers in
      products(level, buffers, elements: WeightMatrix.Element.plain + [.q80]) { p, _, tile, _ in
        _ = packedPanels(p, level, tile)
      }
    },
    GuardedKernel(name: "ingot_product_kernels.pack_runs") { level, buffers in
      let pack = Levels { ingot_product_kernels_of($0).pack_runs }
      products(level, buffers, elements: [.q80, .i8]) { p, rows, tile, panels in
        for runs in p.runs {
          p.product.runs = runs.values
          if p.product.w_type == INGOT_WEIGHT_I8 { _ = packedPanels(p, level, tile) }
          let count = GuardedProduct.blocks(p.size.k, of: runs.values.size)
          let packed = buffers.room(panels * tile.columns * count * runs.width)
          pack[level](&p.product, 0, panels, packed.start)
          let words = buffers.bits(panels * tile.columns * GuardedProduct.blocks(p.size.k, of: 4) * 4)
          var product = p.product
          (product.w, product.w_type) = (UnsafeRawPointer(words.start), Int32(INGOT_WEIGHT_WORDS_S8))
          product.runs.scales = UnsafeRawPointer(packed.freeze().start)
          multiplyPackedRows[level](&product, 0, panels)
          product.x = UnsafePointer(rows.of(Float.self))
          let scratch = p.room(Int(INGOT_PANEL_GROUP) * tile.columns * p.size.k)
          multiplyPanels[level](&product, 0, panels, scratch.of(Float.self))
        }
      }
    },
    GuardedKernel(name: "ingot_product_kernels.panels") { level, buffers in
      products(level, buffers, elements: WeightMatrix.Element.plain + [.q80]) { p, rows, tile, panels in
        let packed = packedPanels(p, level, tile)
        p.product.x = UnsafePointer(rows.of(Float.self))
        let scratch = p.room(Int(INGOT_PANEL_GROUP) * tile.columns * p.size.k)
        multiplyPanels[level](&p.product, 0, panels, scratch.of(Float.self))
        p.product.panels = UnsafePointer(packed.of(Float.self))
        multiplyPanels[level](&p.product, 0, panels, nil)
      }
    },
    GuardedKernel(name: "ingot_product_kernels.unpacked") { level, buffers in
      let multiply = Levels { ingot_product_kernels_of($0).unpacked }
      products(level, buffers, layouts: [false]) { p, rows, tile, panels in
        p.product.x = UnsafePointer(rows.of(Float.self))
        let blocks = GuardedProduct.blocks(p.size.m, of: tile.rows)
        let scratch = p.room(panels * blocks * tile.rows * tile.columns)
        multiply[level](&p.product, 0, panels, scratch.of(Float.self))
      }
    },
    GuardedKernel(name: "ingot_product_kernels.chains") { level, buffers in
      let multiply = Levels { ingot_product_kernels_of($0).chains }
      products(level, buffers, layouts: [false]) { p, _, _, _ in
        let chains = GuardedProduct.blocks(p.size.k, of: Int(INGOT_CHAIN))
        multiply[level](&p.product, 0, chains, p.room(chains * p.size.m * p.size.n).of(Float.self))
      }
    },
    GuardedKernel(name: "ingot_product_kernels.sum_chains") { level, buffers in
      let sum = Levels { ingot_product_kernels_of($0).sum_chains }
      products(level, buffers, layouts: [false]) { p, _, _, _ in
        let chains = GuardedProduct.blocks(p.size.k, of: Int(INGOT_CHAIN))
        let partial = buffers.floats(chains * p.size.m * p.size.n)
        sum[level](&p.product, 0, p.size.n, partial.of(Float.self))
      }
    },
    GuardedKernel(name: "ingot_product_kernels.dots") { level, buffers in
      let multiply = Levels { ingot_product_kernels_of($0).dots }
      products(level, buffers, layouts: [true]) { p, _, _, _ in multiply[level](&p.product, 0, p.size.n) }
    },
    GuardedKernel(name: "ingot_product_kernels.packed_rows") { level, buffers in
      products(level, buffers) { p, _, tile, panels in
        let packed = packedPanels(p, level, tile)
        p.product.panels = UnsafePointer(packed.of(Float.self))
        multiplyPackedRows[level](&p.product, 0, panels)
        // Words of a row more or less, by what an odd depth leaves.
        for (type, perWord) in [(INGOT_WEIGHT_WORDS_BF16, 2), (INGOT_WEIGHT_WORDS_S8, 4)] {
          let words = buffers.bits(panels * tile.columns * GuardedProduct.blocks(p.size.k, of: perWord) * 4)
          (p.product.w, p.product.w_type, p.product.panels) = (
            UnsafeRawPointer(words.start), Int32(type), nil
          )
          multiplyPackedRows[level](&p.product, 0, panels)
        }
      }
    },
  ]
}

// MARK: - Narrow products

/// Sizes of tiles that Swift's tables keep to themselves.
enum KernelTileSizes {
  #if arch(arm64)
  static let portableRows = 14
  #else
  static let portableRows = 4
  #endif
}

extension GuardedKernel {
  /// The level whose narrow products this processor has: those of AVX-512 need more than the level says.
  private static func narrowLevel(_ level: CPULevel) -> CPULevel {
    level == .avx512 && ingot_cpu_has_narrow_dots() == 0 ? .avx2 : level
  }

  private typealias PackWords =
    @convention(c) @Sendable (UnsafePointer<ingot_product>, Int, Int, UnsafeMutableRawPointer) -> Void
  private typealias NarrowProduct =
    @convention(c) @Sendable (UnsafePointer<ingot_narrow_product>, Int, Int) -> Void

  private static let packRowsBF16 = Levels { ingot_narrow_kernels_of($0).pack_rows_bf16 }
  private static let quantizeRows = Levels { ingot_narrow_kernels_of($0).quantize_rows }
  private static let packPanelsBF16 = Levels { ingot_narrow_kernels_of($0).pack_panels_bf16 }
  private static let packPanelsS8 = Levels { ingot_narrow_kernels_of($0).pack_panels_s8 }

  /// Packs both sides of each product, and multiplies when there is something to multiply with.
  private static func narrow(
    _ name: String, perWord: Int, multiply: Levels<NarrowProduct>? = nil
  ) -> GuardedKernel {
    GuardedKernel(name: name) { level, buffers in
      let level = narrowLevel(level)
      guard let tile = tiles[level] else { return }
      GuardedProduct.forEach(buffers, elements: perWord == 4 ? [.i8] : WeightMatrix.Element.plain + [.q80]) {
        p in
        let (m, n, k) = p.size
        let words = GuardedProduct.blocks(k, of: perWord)
        let rows = p.room(GuardedProduct.blocks(m, of: tile.rows) * tile.rows * words)
        let (scales, sums) = (p.room(m), p.room(m))
        if perWord == 2 {
          packRowsBF16[level](p.x.of(Float.self), p.product.x_stride, m, k, rows.start)
        } else {
          quantizeRows[level](
            p.x.of(Float.self), p.product.x_stride, m, k, rows.start, scales.of(Float.self),
            sums.of(Int32.self))
        }
        let count = GuardedProduct.blocks(n, of: tile.columns)
        let panels = p.room(count * tile.columns * words)
        if perWord == 2, p.product.w_type == INGOT_WEIGHT_I8 { p.product.runs = p.runs[1].values }
        (perWord == 2 ? packPanelsBF16 : packPanelsS8)[level](&p.product, 0, count, panels.start)
        guard let multiply else { return }
        var product = ingot_narrow_product(
          m: m, n: n, k: k, x: UnsafeRawPointer(rows.freeze().start), x_scale: scales.freeze().of(Float.self),
          x_sum: UnsafePointer(sums.freeze().of(Int32.self)), panels: UnsafeRawPointer(panels.freeze().start),
          panel_depth: 0, end: p.product.end)
        multiply[level](&product, 0, count)
      }
    }
  }

  static let narrowProducts: [GuardedKernel] = [
    narrow("ingot_narrow_kernels.pack_rows_bf16", perWord: 2),
    narrow("ingot_narrow_kernels.pack_panels_bf16", perWord: 2),
    narrow(
      "ingot_narrow_kernels.product_bf16", perWord: 2,
      multiply: Levels { ingot_narrow_kernels_of($0).product_bf16 }),
    narrow("ingot_narrow_kernels.quantize_rows", perWord: 4),
    narrow("ingot_narrow_kernels.pack_panels_s8", perWord: 4),
    narrow(
      "ingot_narrow_kernels.product_s8", perWord: 4,
      multiply: Levels { ingot_narrow_kernels_of($0).product_s8 }),
  ]
}
