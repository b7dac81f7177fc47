// SPDX-License-Identifier: Apache-2.0
// Which channel each element of a tensor belongs to, walked in runs that loops can be made of.
import IngotCore

/// The channels of a tensor along one axis, in C order.
package struct ChannelLayout: Hashable, Sendable {
  /// Channels along the axis; 1 when the whole tensor is one.
  package let channelCount: Int
  /// Elements in a row that belong to the same channel.
  package let runElementCount: Int

  /// Describes the channels.
  ///
  /// - Parameters:
  ///   - shape: the tensor's shape.
  ///   - axis: the dimension along which channels count; `nil` when the whole tensor is one.
  package init(shape: Shape, axis: Int?) {
    guard let axis, shape.dimensions.indices.contains(axis) else {
      channelCount = 1
      runElementCount = max(1, shape.elementCount)
      return
    }
    channelCount = max(1, shape.dimensions[axis])
    runElementCount = max(1, shape.dimensions[(axis + 1)...].reduce(1, *))
  }

  /// Walks elements `start ..< start + count`, one run of one channel after another; for channels that change with
  /// every element a run is a whole row of all of them.
  ///
  /// - Parameters:
  ///   - start: the first element.
  ///   - count: elements to walk.
  ///   - body: takes positions from `start`, the channel of the first, and whether each next one is of the next
  ///     channel.
  package func forEachRun(
    from start: Int, count: Int, _ body: (Range<Int>, _ channel: Int, _ advances: Bool) -> Void
  ) {
    let isInterleaved = runElementCount == 1 && channelCount > 1
    var position = 0
    while position < count {
      let element = start + position
      if isInterleaved {
        let channel = element % channelCount
        let end = min(count, position + channelCount - channel)
        body(position..<end, channel, true)
        position = end
      } else {
        let end = min(count, position + runElementCount - element % runElementCount)
        body(position..<end, element / runElementCount % channelCount, false)
        position = end
      }
    }
  }
}
