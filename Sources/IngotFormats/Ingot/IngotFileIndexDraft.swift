// SPDX-License-Identifier: Apache-2.0
// The index of an `.ingot` file to be written, and the places of its parts. Page: formats/ingot.md, "Index" and
// "Data".
import IngotBytes
import IngotCore

/// The index being written: offsets are filled in when its length is known.
struct IngotFileIndexDraft {
  /// A part with its place in the file.
  struct Run {
    var reference: PartReference
    /// Where it is in the file; before all are placed, where the index says so.
    var offset: Int
    var byteCount: Int
  }

  private var encoder = IngotFileEncoder()
  private var runs: [Run] = []

  mutating func put(_ tensors: [PlannedTensor], aliases: IngotFileAliases) throws(IngotError) {
    try encoder.count(tensors.count)
    runs.reserveCapacity(tensors.count)
    // Room for names and what stands around them: growing by doubling would take twice that for a moment.
    encoder.bytes.reserveCapacity(
      tensors.reduce(4096) { $0 + $1.name.utf8.count + 24 + 8 * $1.shape.rank })
    var names = Set<ExactName>(minimumCapacity: tensors.count)
    for (position, tensor) in tensors.enumerated() {
      guard names.insert(ExactName(tensor.name)).inserted else {
        throw IngotFileEncoder.unrepresentable("two tensors have this name", tensor: tensor.name)
      }
      try encoder.text(tensor.name)
      if let target = aliases.targets[position] {
        encoder.number(IngotFileCode.Entry.alias.rawValue)
        encoder.number(UInt32(target))
      } else if let quantization = tensor.quantization {
        encoder.number(IngotFileCode.Entry.quantized.rawValue)
        try put(tensor, quantization, at: position)
      } else {
        encoder.number(IngotFileCode.Entry.plain.rawValue)
        try put(tensor.parts[0], PartReference(tensor: position), of: tensor)
      }
    }
  }

  private mutating func put(
    _ tensor: PlannedTensor, _ quantization: QuantizedType, at position: Int
  ) throws(IngotError) {
    let scheme = quantization.scheme
    let parts = tensor.parts
    let kinds = parts.compactMap { IngotFileCode.partKinds.firstIndex(of: $0.kind) }
    guard kinds.starts(with: [0, 1]), kinds.count == parts.count, zip(kinds, kinds.dropFirst()).allSatisfy(<)
    else {
      throw IngotFileEncoder.unrepresentable(
        "parts other than values, scales, zero points and kept rows", tensor: tensor.name)
    }
    let fault = scheme.misfit(
      values: (tensor.dtype, tensor.shape), parts: quantization.parts.map { ($0.kind, $0.dtype, $0.shape) })
    if let fault {
      throw IngotFileEncoder.unrepresentable(
        "\(fault.found) instead of \(fault.expected)", tensor: tensor.name)
    }
    guard let (granularity, axis, groupSize) = Self.fields(of: scheme.granularity) else {
      throw IngotFileEncoder.unrepresentable(
        "scales by blocks of two dimensions, or by runs across rows", tensor: tensor.name)
    }
    encoder.number(granularity.rawValue)
    encoder.number(UInt8(IngotFileCode.scaleKinds.firstIndex(of: scheme.scaleKind) ?? 0))
    encoder.number(UInt8(IngotFileCode.activations.firstIndex(of: scheme.activations) ?? 0))
    encoder.number(UInt8(parts.count))
    encoder.number(UInt32(axis))
    encoder.number(UInt64(groupSize))
    for (index, part) in parts.enumerated() {
      encoder.number(UInt8(kinds[index]))
      if part.kind == .keptRows {
        try encoder.count(scheme.keptRows.count)
        for row in scheme.keptRows { encoder.number(UInt64(row)) }
      }
      try put(part, PartReference(tensor: position, part: index), of: tensor)
    }
  }

  private static func fields(
    of granularity: Quantization.Granularity
  ) -> (IngotFileCode.Granularity, axis: Int, groupSize: Int)? {
    switch granularity {
    case .perTensor: (.tensor, 0, 0)
    case .perChannel(let axis): (.channel, axis, 0)
    case .perGroup(let axis, let size): (.group, axis, size)
    case .perBlock, .perRun: nil
    }
  }

  private mutating func put(
    _ part: PartType, _ reference: PartReference, of tensor: PlannedTensor
  ) throws(IngotError) {
    guard let rank = UInt8(exactly: part.shape.rank) else {
      throw IngotFileEncoder.unrepresentable("\(part.shape.rank, "dimension"), over 255", tensor: tensor.name)
    }
    let byteCount = try part.byteCount()
    encoder.number(tensor.blockType.map { IngotFileCode.code($0) } ?? IngotFileCode.code(part.dtype))
    encoder.number(rank)
    for dimension in (tensor.blockType == nil ? part.shape : tensor.shape).dimensions {
      encoder.number(UInt64(dimension))
    }
    runs.append(Run(reference: reference, offset: encoder.bytes.count, byteCount: byteCount))
    encoder.number(UInt64(0))
    encoder.number(UInt64(byteCount))
  }

  mutating func put(_ metadata: Metadata) throws(IngotError) {
    try encoder.metadata(metadata)
  }

  mutating func put(_ companions: [Companion]) throws(IngotError) {
    try encoder.count(companions.count)
    var names = CompanionPaths()
    for companion in companions where !names.insert(companion.name) {
      throw IngotFileEncoder.unrepresentable(
        "a companion named \(companion.name), which is taken or no path of plain names")
    }
    if let companion = companions.first(where: { names.isBelowFile($0.name) }) {
      throw IngotFileEncoder.unrepresentable("a companion named \(companion.name), below another")
    }
    for companion in companions {
      try encoder.text(companion.kind.rawValue)
      try encoder.text(companion.name)
      encoder.number(UInt64(companion.bytes.count))
      encoder.bytes += companion.bytes
    }
  }

  mutating func putNoSections() {
    encoder.number(UInt32(0))
  }

  /// Places the parts behind the index and fills in their offsets.
  mutating func finish() throws(IngotError) -> (index: [UInt8], layout: [Run]) {
    guard UInt64(encoder.bytes.count) <= Limit.ingotIndexBytes.value else {
      throw IngotFileEncoder.unrepresentable("the index would have \(encoder.bytes.count, "byte")")
    }
    var placement = IngotFilePlacement(
      after: IngotFileLayout.endByteCount + encoder.bytes.count, tailOffset: Int.max)
    for index in runs.indices {
      let (field, offset) = (runs[index].offset, placement.next)
      guard placement.advance(by: runs[index].byteCount) else {
        throw IngotFileEncoder.unrepresentable("more than 2^63 bytes")
      }
      runs[index].offset = offset
      for byte in 0..<8 { encoder.bytes[field + byte] = UInt8(truncatingIfNeeded: offset >> (8 * byte)) }
    }
    return (encoder.bytes, runs)
  }
}
