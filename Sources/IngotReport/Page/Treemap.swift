// SPDX-License-Identifier: Apache-2.0
// Rectangles whose areas are sizes, as near to squares as their order allows.

/// A treemap's geometry: squarified, by Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000.
package enum Treemap {
  /// A rectangle.
  package struct Rectangle: Equatable {
    /// The left edge.
    package var x: Double
    /// The upper edge.
    package var y: Double
    /// From left to right.
    package var width: Double
    /// From top to bottom.
    package var height: Double

    /// Makes a rectangle.
    package init(x: Double, y: Double, width: Double, height: Double) {
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }
  }

  /// Lays out sizes.
  ///
  /// - Parameters:
  ///   - sizes: positive numbers, the largest first.
  ///   - area: where.
  /// - Returns: a rectangle for each, which together fill the area.
  package static func layout(_ sizes: [Double], in area: Rectangle) -> [Rectangle] {
    let total = sizes.reduce(0, +)
    guard total > 0, area.width > 0, area.height > 0 else {
      return sizes.map { _ in Rectangle(x: area.x, y: area.y, width: 0, height: 0) }
    }
    let scale = area.width * area.height / total
    var rectangles: [Rectangle] = []
    var free = area
    var row: [Double] = []
    for size in sizes {
      let side = min(free.width, free.height)
      let next = size * scale
      if !row.isEmpty, worstRatio(row + [next], side) > worstRatio(row, side) {
        rectangles += place(row, in: &free)
        row = []
      }
      row.append(next)
    }
    return rectangles + place(row, in: &free)
  }

  /// The longest rectangle's ratio of sides, of a row along a side.
  private static func worstRatio(_ row: [Double], _ side: Double) -> Double {
    let sum = row.reduce(0, +)
    guard let largest = row.max(), let least = row.min(), sum > 0, least > 0 else { return .infinity }
    return max(side * side * largest / (sum * sum), sum * sum / (side * side * least))
  }

  /// Puts a row along the shorter side, and takes it off.
  private static func place(_ row: [Double], in free: inout Rectangle) -> [Rectangle] {
    let sum = row.reduce(0, +)
    guard sum > 0 else { return [] }
    var rectangles: [Rectangle] = []
    if free.width >= free.height {
      let width = min(free.width, sum / free.height)
      var y = free.y
      for size in row {
        let height = free.height * size / sum
        rectangles.append(Rectangle(x: free.x, y: y, width: width, height: height))
        y += height
      }
      free.x += width
      free.width -= width
    } else {
      let height = min(free.height, sum / free.width)
      var x = free.x
      for size in row {
        let width = free.width * size / sum
        rectangles.append(Rectangle(x: x, y: free.y, width: width, height: height))
        x += width
      }
      free.y += height
      free.height -= height
    }
    return rectangles
  }
}
