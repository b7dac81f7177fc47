// SPDX-License-Identifier: Apache-2.0
// Rebases tensors onto the file that contains theirs: shards of a set, files of an archive.
import IngotCore

extension TensorDescriptor {
  /// Changes where the bytes of every part are.
  mutating func moveSegments<Failure: Error>(
    _ move: (StorageSegment) throws(Failure) -> StorageSegment
  ) throws(Failure) {
    try storage.moveSegments(move)
    guard !sideStorages.isEmpty else { return }
    var moved = sideStorages
    for index in moved.indices { try moved[index].moveSegments(move) }
    sideStorages = moved
  }
}

extension TensorStorage {
  fileprivate mutating func moveSegments<Failure: Error>(
    _ move: (StorageSegment) throws(Failure) -> StorageSegment
  ) throws(Failure) {
    if case .joined(let boxes) = layout {
      var moved = boxes
      for index in moved.indices { try moved[index].storage.moveSegments(move) }
      self = TensorStorage(joining: moved)
      return
    }
    switch segments {
    case .one(let segment): segments = .one(try move(segment))
    case .many(let list):
      var moved: [StorageSegment] = []
      for segment in list { moved.append(try move(segment)) }
      segments = .many(moved)
    }
  }
}

extension TensorDescriptor {
  /// The descriptor with its files counted from another start.
  package func movingFiles(by count: Int) -> TensorDescriptor {
    guard count > 0 else { return self }
    var moved = self
    moved.moveSegments { (segment) throws(Never) in
      StorageSegment(file: segment.file + count, offset: segment.offset, byteCount: segment.byteCount)
    }
    return moved
  }
}
