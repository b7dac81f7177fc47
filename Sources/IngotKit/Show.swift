// SPDX-License-Identifier: Apache-2.0
// `show`: values of tensors, or of parts of them.
import IngotBytes
import IngotCore
import IngotFormats
import IngotModels

/// Options of ``Ingot/show(_:of:options:)``.
public struct ShowOptions: Sendable {
  /// How to read; raw shows the tensors of quantized weights as they are stored, and blocks as bytes.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options that show what quantized values stand for.
  public init() {}
}

extension Ingot {
  /// Opens parts of tensors, whose values can then be read.
  ///
  /// - Parameters:
  ///   - selectors: names or name patterns, each with an index in brackets behind it or without: `wte.weight`,
  ///     `h.*.bias[:3]`; none for the only tensor there is.
  ///   - path: a file, index or folder.
  ///   - options: how to read.
  /// - Returns: the parts, in the order asked for.
  /// - Throws: the reader's errors; ``IngotCore/IngotError/invalidRequest(option:why:)`` for a name that no tensor has, and
  ///   for an index out of range.
  public static func show(
    _ selectors: [String] = [], of path: String, options: ShowOptions = ShowOptions()
  ) throws(IngotError) -> [TensorExcerpt] {
    var reading = options.reading
    reading.selection = TensorSelection(include: selectors.flatMap { names(of: $0) }.map(Glob.init))
    var checkpoint = try CheckpointOpener(options: reading, work: options.work).open(path)
    try options.reading.requireUse(at: [path], by: [checkpoint], work: options.work)
    if reading.isRaw {
      checkpoint.tensors = checkpoint.tensors.flatMap(\.storedTensors)
    } else {
      checkpoint = try checkpoint.withWholeWeights(at: path, wantsValues: true, work: options.work)
    }
    let files = SourceFiles(checkpoint.files, system: options.work.system)
    var excerpts: [TensorExcerpt] = []
    for (tensor, slice) in try chosen(selectors, of: checkpoint, path: path) {
      excerpts.append(try TensorExcerpt(tensor, slice, files, work: options.work))
    }
    return excerpts
  }

  /// What a selector may name: itself, and what stands before its index.
  private static func names(of selector: String) -> [String] {
    guard selector.hasSuffix("]"), let start = selector.lastIndex(of: "[") else { return [selector] }
    return [selector, String(selector[..<start])]
  }

  private static func chosen(
    _ selectors: [String], of checkpoint: Checkpoint, path: String
  ) throws(IngotError) -> [(TensorDescriptor, TensorSlice)] {
    guard !selectors.isEmpty else {
      guard let only = checkpoint.tensors.first, checkpoint.tensors.count == 1 else {
        throw .invalidRequest(
          option: .slices, why: "\(path) has \(checkpoint.tensors.count, "tensor"); name those to show")
      }
      return [(only, .whole)]
    }
    var chosen: [(TensorDescriptor, TensorSlice)] = []
    for selector in selectors {
      let found = try matches(selector, in: checkpoint)
      chosen += found
    }
    return chosen
  }

  /// The tensors that a selector names, letter by letter before it is a pattern, and without its index before with it.
  private static func matches(
    _ selector: String, in checkpoint: Checkpoint
  ) throws(IngotError) -> [(TensorDescriptor, TensorSlice)] {
    let names = names(of: selector)
    for name in names {
      let slice = name.count < selector.count ? String(selector.dropFirst(name.count)) : nil
      if let tensor = checkpoint.tensors.first(where: { ExactName($0.name) == ExactName(name) }) {
        return [(tensor, try slice.map { (text) throws(IngotError) in try TensorSlice(text) } ?? .whole)]
      }
    }
    for name in names {
      let glob = Glob(name)
      let tensors = checkpoint.tensors.filter { glob.matches($0.name) }
      guard !tensors.isEmpty else { continue }
      let slice =
        name.count < selector.count ? try TensorSlice(String(selector.dropFirst(name.count))) : .whole
      return tensors.map { ($0, slice) }
    }
    let wanted = names.last ?? selector
    throw .invalidRequest(
      option: .slices,
      why: Glob(wanted).noMatch(
        of: "tensor", among: checkpoint.tensors.lazy.map(\.name), leftOut: checkpoint.findings))
  }
}
