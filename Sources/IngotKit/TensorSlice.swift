// SPDX-License-Identifier: Apache-2.0
// A part of a tensor by numpy's basic indexing: `[1:3, :2]`, `[-1]`, `[..., 0]`, `[::-1]`. Reads nothing (TensorExcerpt.swift).
import IngotCore

/// What stands in brackets behind a tensor's name: numpy's basic indexing, without new axes.
public struct TensorSlice: Hashable, Sendable, CustomStringConvertible {
  private enum Item: Hashable, Sendable {
    case index(Int)
    case range(start: Int?, end: Int?, step: Int)
    case ellipsis
  }

  /// The slice as written, brackets included; empty for all of a tensor.
  public let description: String
  private let items: [Item]

  /// All of a tensor.
  public static let whole = TensorSlice(description: "", items: [])

  private init(description: String, items: [Item]) {
    self.description = description
    self.items = items
  }

  /// Reads a slice.
  ///
  /// - Parameter text: the slice with its brackets: `[1:3,:2]`.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for what is no basic index of numpy's.
  public init(_ text: String) throws(IngotError) {
    guard text.hasPrefix("["), text.hasSuffix("]"), text.count > 1 else {
      throw .invalidRequest(option: .slices, why: "\(text) is no index in brackets")
    }
    var items: [Item] = []
    let inside = text.dropFirst().dropLast()
    var words = inside.split(separator: ",", omittingEmptySubsequences: false)
    // A comma at the end makes a tuple in Python, of the same indexes.
    if words.count > 1, words.last?.allSatisfy(\.isWhitespace) == true { words.removeLast() }
    for word in words {
      let word = word.filter { !$0.isWhitespace }
      guard let item = Self.item(word) else {
        throw .invalidRequest(
          option: .slices,
          why: "\(word) in \(text) is no index: numbers, start:end:step and ... are, as in numpy")
      }
      items.append(item)
    }
    guard items.count(where: { $0 == .ellipsis }) < 2 else {
      throw .invalidRequest(option: .slices, why: "\(text) has more than one ...")
    }
    self.init(description: text, items: items)
  }

  private static func item(_ word: String) -> Item? {
    if word == "..." || word == "…" { return .ellipsis }
    if let index = Int(word) { return .index(index) }
    let bounds = word.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(bounds.count), bounds.allSatisfy({ $0.isEmpty || Int($0) != nil }) else {
      return nil
    }
    let step = bounds.count == 3 && !bounds[2].isEmpty ? Int(bounds[2]) ?? 0 : 1
    guard step != 0 else { return nil }
    return .range(start: Int(bounds[0]), end: Int(bounds[1]), step: step)
  }

  /// Where the elements of a slice stand in its tensor: as a view of numpy's, counted in elements.
  package struct View: Hashable, Sendable {
    /// The dimensions of the slice.
    package var shape: Shape
    /// The position of its first element in C order.
    package var offset: Int
    /// The distance of neighbours in each of its dimensions.
    package var strides: [Int]
  }

  /// Where the elements stand in a tensor of a shape.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for more indexes than dimensions, and for one that is
  ///   out of range; ranges are cut as numpy cuts them.
  package func view(of shape: Shape) throws(IngotError) -> View {
    let given = items.count { $0 != .ellipsis }
    guard given <= shape.rank else {
      throw .invalidRequest(
        option: .slices,
        why:
          "\(description) has \(given, "index", "indexes"), and the tensor \(shape.rank, "dimension")")
    }
    let all = Item.range(start: nil, end: nil, step: 1)
    let place = items.firstIndex(of: .ellipsis) ?? items.count
    let filled =
      items[..<place] + Array(repeating: all, count: shape.rank - given) + items[place...].dropFirst()
    var stride = 1
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in shape.dimensions.indices.reversed() {
      strides[axis] = stride
      // A dimension of 0 leaves no element to stand anywhere.
      stride = shape.elementCount == 0 ? 0 : stride * shape.dimensions[axis]
    }
    var view = (dimensions: [Int](), offset: 0, strides: [Int]())
    for (axis, item) in filled.enumerated() {
      let size = shape.dimensions[axis]
      switch item {
      case .index(let index):
        let position = index < 0 ? index + size : index
        guard (0..<size).contains(position) else {
          throw .invalidRequest(
            option: .slices,
            why: "\(description): index \(index) is out of range of dimension \(axis), of \(size)")
        }
        view.offset += position * strides[axis]
      case .range(let start, let end, let step):
        let (first, count) = Self.resolve(start, end, step, size: size)
        view.dimensions.append(count)
        if count > 0 { view.offset += first * strides[axis] }
        view.strides.append(count > 1 ? step * strides[axis] : 0)
      case .ellipsis: break
      }
    }
    guard let result = Shape(view.dimensions) else { throw .internal("a slice larger than its tensor") }
    return View(shape: result, offset: view.offset, strides: view.strides)
  }

  /// The first position of a range, and how many there are.
  ///
  /// - SeeAlso: CPython's `PySlice_AdjustIndices`.
  private static func resolve(_ start: Int?, _ end: Int?, _ step: Int, size: Int) -> (first: Int, count: Int)
  {
    func cut(_ bound: Int) -> Int {
      let bound = bound < 0 ? bound + size : bound
      return step > 0 ? min(max(bound, 0), size) : min(max(bound, -1), size - 1)
    }
    let first = start.map(cut) ?? (step > 0 ? 0 : size - 1)
    let last = end.map(cut) ?? (step > 0 ? size : -1)
    let distance = step > 0 ? last - first : first - last
    guard distance > 0 else { return (0, 0) }
    return (first, Int((UInt(distance) - 1) / step.magnitude) + 1)
  }
}
