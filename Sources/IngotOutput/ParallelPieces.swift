// SPDX-License-Identifier: Apache-2.0
// The tensors of a model that is cut for several processors: a piece of each in every file, made lazily of what the whole one
// is made of.
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// What the files of several processors hold: a piece of every tensor each, in the same order.
package struct ParallelPieces: Sendable {
  /// The tensors before they were cut.
  package let wholes: [PlannedTensor]
  /// The files, each with the run of ``tensors`` that it holds.
  package private(set) var files: [ParallelFile] = []
  /// The pieces, file by file.
  let tensors: [PlannedTensor]
  /// What each piece is made of.
  let contents: OutputContents
  /// The pieces that the file before has too.
  private let copies: Set<Int>

  /// Cuts tensors.
  ///
  /// - Parameters:
  ///   - cut: by what rule.
  ///   - wholes: the tensors.
  ///   - wholeContents: what they are made of.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a tensor that can't be cut so.
  init(
    _ cut: ParallelCut, of wholes: [PlannedTensor], _ wholeContents: OutputContents
  ) throws(IngotError) {
    let pieces = try cut.pieces(of: wholes)
    var (tensors, contents, copies) = ([PlannedTensor](), OutputContents(), Set<Int>())
    for file in 0..<cut.count {
      let start = tensors.count
      for (index, whole) in wholes.enumerated() {
        let piece = pieces[index][file]
        if file > 0, piece == pieces[index][file - 1] { copies.insert(tensors.count) }
        let parts = wholeContents.parts(of: index).map { piece.taken(of: $0) }
        var tensor = whole
        if piece != .whole, let part = parts.first {
          tensor.type = TensorType(dtype: part.dtype, shape: part.shape)
        }
        tensors.append(tensor)
        contents.append(.made(parts))
      }
      files.append(ParallelFile(name: cut.fileName(file), tensors: start..<tensors.count))
    }
    self.wholes = wholes
    (self.tensors, self.contents, self.copies) = (tensors, contents, copies)
  }

  /// What casting lost of the whole tensors, by their places; what several files hold alike counts once.
  func merged(_ reports: [Int: CastReport]) -> [Int: CastReport] {
    var merged: [Int: CastReport] = [:]
    for (index, report) in reports where !copies.contains(index) {
      merged[index % wholes.count, default: CastReport()].merge(report)
    }
    return merged
  }
}

extension ParallelCut.Piece {
  /// The piece of one part of a tensor.
  fileprivate func taken(of part: LazyPart) -> LazyPart {
    switch self {
    case .whole: part
    case .rows(let rows): part.box(rows: rows, columns: 0..<part.shape.dimensions[1])
    case .columns(let columns): part.box(rows: 0..<part.shape.dimensions[0], columns: columns)
    }
  }
}
