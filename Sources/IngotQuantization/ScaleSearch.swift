// SPDX-License-Identifier: Apache-2.0
// The scales of weights that become small integers: the largest magnitude of each channel, found in one pass over all.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// Finds the scales of weights that become symmetric int8: a channel's largest magnitude over 127.
package struct ScaleSearch {
  /// A weight whose scales are wanted.
  package struct Weight {
    /// The tensor's name, for errors.
    package let name: String
    /// Its F32 values.
    package let values: LazyPart
    /// The dimension of the output channel; `nil` where the whole tensor shares a scale.
    package let axis: Int?
    /// Bytes that are read, for progress.
    package let byteCount: Int

    /// Names a weight.
    package init(name: String, values: LazyPart, axis: Int?, byteCount: Int) {
      (self.name, self.values, self.axis, self.byteCount) = (name, values, axis, byteCount)
    }
  }

  private let files: SourceFiles
  private let path: String
  private let work: WorkOptions

  /// Prepares a search.
  ///
  /// - Parameters:
  ///   - files: where the weights are read from.
  ///   - path: the model's, for errors.
  ///   - work: how the work is done.
  package init(files: SourceFiles, path: String, work: WorkOptions) {
    (self.files, self.path, self.work) = (files, path, work)
  }

  /// Streams the weights once.
  ///
  /// - Parameters:
  ///   - weights: the weights.
  ///   - observer: hears of bytes read.
  /// - Returns: each weight's scales, one a channel, in the order of the weights.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for values that are not finite; read errors.
  package func scales(
    of weights: [Weight], progress observer: (any ProgressObserver)?
  ) throws(IngotError) -> [[Float]] {
    guard !weights.isEmpty else { return [] }
    observer?.begin("finding scales", byteCount: weights.reduce(0) { $0 + $1.byteCount })
    defer { observer?.end() }
    let progress = ProgressRelay(observer)
    let layouts = weights.map { ChannelLayout(shape: $0.values.shape, axis: $0.axis) }
    let found = IndexedResults<[Float]>(count: weights.count, initial: [])
    try PartPass(crew: WorkCrew(jobs: work.jobs), files: files, scratchFolder: work.scratchFolder)
      .run(count: weights.count) { (index) throws(IngotError) in
        weights[index].values
      } read: { (index, reading) throws(IngotError) in
        var largest = AbsoluteMaximum(layouts[index])
        try reading.forEachRun { (run, offset) throws(IngotError) in
          largest.add(try run.floats(), from: offset / MemoryLayout<Float>.size)
          progress.advance(run.bytes.count)
        }
        return largest
      } finish: { (index, stretches, _) throws(IngotError) in
        var largest = AbsoluteMaximum(layouts[index])
        for stretch in stretches { largest.merge(stretch) }
        try requireFinite(largest, in: weights[index])
        found[index] = largest.scales
      }
    return found.values
  }

  private func requireFinite(_ largest: AbsoluteMaximum, in weight: Weight) throws(IngotError) {
    guard largest.nonFiniteCount == 0 else {
      throw .unsuitable(
        Location(path, tensor: weight.name),
        why: "has \(largest.nonFiniteCount, "value that is", "values that are") not finite",
        hint: .remedy(.findNonFinite))
    }
  }
}
