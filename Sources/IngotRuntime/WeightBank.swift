// SPDX-License-Identifier: Apache-2.0
// The weights of a model as fp32 steps use them, each prepared when first used.
import IngotCore
import IngotGraph
import IngotKernels

/// The weights of a model as fp32 steps use them.
final class WeightBank {
  private var store: WeightStore
  private let arithmetic: Arithmetic
  private let kernels: KernelTable
  private var linears: [TensorRole: LinearWeight] = [:]
  private var vectors: [TensorRole: AlignedBuffer] = [:]
  private var tables: [TensorRole: EmbeddingTable] = [:]

  init(_ store: WeightStore, arithmetic: Arithmetic, kernels: KernelTable) {
    self.store = store
    self.arithmetic = arithmetic
    self.kernels = kernels
  }

  /// Takes other weights in place of some.
  func replace(_ weights: WeightStore) {
    store.merge(weights) { $1 }
    for role in weights.keys {
      linears[role] = nil
      vectors[role] = nil
      tables[role] = nil
    }
  }

  /// A linear weight, prepared when first used.
  func linear(_ role: TensorRole, _ layout: WeightLayout) -> LinearWeight? {
    if let known = linears[role] { return known }
    guard let weight = store[role],
      let linear = LinearWeight(weight, layout: layout, arithmetic: arithmetic, kernels: kernels)
    else { return nil }
    linears[role] = linear
    return linear
  }

  /// A small weight as floats, converted when first used.
  func vector(_ role: TensorRole) -> UnsafePointer<Float> {
    if let known = vectors[role] { return UnsafePointer(known.pointer(as: Float.self)) }
    let floats = store[role]?.floats ?? []
    let buffer = AlignedBuffer(Float.self, count: floats.count)
    buffer.pointer(as: Float.self).update(from: floats, count: floats.count)
    vectors[role] = buffer
    return UnsafePointer(buffer.pointer(as: Float.self))
  }

  /// A table of rows by id, prepared when first used.
  func table(_ role: TensorRole) -> EmbeddingTable? {
    if let known = tables[role] { return known }
    guard let weight = store[role], let table = EmbeddingTable(weight) else { return nil }
    tables[role] = table
    return table
  }

  /// A weight's shape and exact values.
  func exact(_ role: TensorRole) -> (shape: Shape, values: [Double]) {
    (store[role]?.shape ?? .scalar, store[role]?.doubles ?? [])
  }

  /// A bank of the same weights for products with them the other way round.
  func turned() -> WeightBank { WeightBank(store, arithmetic: .stored, kernels: kernels) }
}
