// SPDX-License-Identifier: Apache-2.0
// Histograms as small drawings: the height is how many values there are for a piece of the axis, and never nothing where
// there is one.
import IngotKit

/// Histograms as SVG.
enum HistogramDrawing {
  private static let (width, height) = (120.0, 40)

  /// The outline of a histogram, from its first bin's lower bound to the last one's upper bound.
  static func outline(_ bins: [ValueHistogram.Bin]) -> HTML? {
    guard let first = bins.first, let last = bins.last, last.upper > first.lower else { return nil }
    let scale = width / (last.upper - first.lower)
    let densities = bins.map { Double($0.count) / (($0.upper - $0.lower) * scale) }
    guard let largest = densities.max(), largest > 0 else { return nil }
    var path: HTML = "M0 \(height)"
    var (x, y) = (0.0, height)
    for (bin, density) in zip(bins, densities) {
      let share = Int((density / largest * Double(height - 1)).rounded())
      let top = bin.count > 0 ? height - max(1, share) : height
      if top != y { path += "v\(top - y)" }
      y = top
      let end = (bin.upper - first.lower) * scale
      let step = Double(Int(((end - x) * 10).rounded())) / 10
      if step > 0 { path += "h\(step)" }
      x += step
    }
    return path + "V\(height)z"
  }

  /// A drawing as high as a line of text.
  ///
  /// - Parameters:
  ///   - bins: the histogram.
  ///   - id: the name by which a large drawing shows the same outline.
  ///   - label: what it says, for those who don't see it; `nil` where the numbers beside it say so.
  /// - Returns: the drawing; a dash where there is nothing to draw.
  static func small(_ bins: [ValueHistogram.Bin]?, id: String? = nil, label: String? = nil) -> HTML {
    guard let bins, let outline = outline(bins) else { return "–" }
    let name: HTML = id.map { " id=\($0)" } ?? ""
    let role: HTML = label.map { "role=img aria-label=\"\($0)\"" } ?? "aria-hidden=true"
    return
      "<svg class=hist viewBox=\"0 0 120 40\" preserveAspectRatio=none \(role)>\(zero(bins))<path\(name) d=\"\(outline)\"/></svg>"
  }

  /// The same outline, large, with its axis.
  static func large(_ bins: [ValueHistogram.Bin], of id: String) -> HTML {
    guard let first = bins.first, let last = bins.last else { return "" }
    let middle = first.lower < 0 && last.upper > 0 ? "0" : Quantity.real((first.lower + last.upper) / 2)
    let place =
      first.lower < 0 && last.upper > 0 ? -first.lower / (last.upper - first.lower) * 100 : 50
    // Where zero is near an end, the end's own number stands there.
    let tick: HTML = (18...82).contains(place) ? "<span style=\"left:\(place)%\">\(middle)</span>" : ""
    return
      "<figure class=axis><svg class=large viewBox=\"0 0 120 40\" preserveAspectRatio=none aria-hidden=true>\(zero(bins))<use href=\"#\(id)\"/></svg><div class=ticks><span>\(Quantity.real(first.lower))</span>\(tick)<span>\(Quantity.real(last.upper))</span></div></figure>"
  }

  /// A line where zero is, when it is between the ends.
  private static func zero(_ bins: [ValueHistogram.Bin]) -> HTML {
    guard let first = bins.first, let last = bins.last, first.lower < 0, last.upper > 0 else { return "" }
    let x = -first.lower / (last.upper - first.lower) * width
    return "<path class=zero d=\"M\(x) 0v40\"/>"
  }
}
