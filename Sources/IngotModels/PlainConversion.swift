// SPDX-License-Identifier: Apache-2.0
// Turns a source's tensors into what is to be written: which ones, as what dtype, at what loss.
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels
import IngotOutput
import IngotTransforms

/// The tensors of a conversion while they are being collected.
package struct PlainConversion {
  private let source: Checkpoint
  private let fixed: Set<ExactName>
  private let options: ChangeRequest
  private let keepsAliases: Bool
  /// The dialect of a model whose names stay, where its program wants some tensors in F32.
  private let dialect: Dialect?
  /// What tensors become that are made of others too.
  private let merged: [Int: MergedValues]
  /// Whether there are numbers for a dtype to reach; where there are none, it is said of every tensor.
  private let reachesAny: Bool
  /// What is to be written.
  package private(set) var output: OutputBuilder

  /// Collects every tensor that the selection takes; some are made of others too.
  package init(
    source scaled: ScaledSource, options: ChangeRequest, destination: OutputDestination,
    merged: [Int: MergedValues] = [:]
  ) throws(IngotError) {
    self.merged = merged
    source = scaled.checkpoint
    fixed = scaled.fixed
    self.options = options
    keepsAliases = destination.writer.keepsAliases(of: source.format)
    dialect = Dialect.implied(byFormat: destination.formatID).flatMap { [source] in
      $0.config.document(in: source.metadata, architecture: $0.architecture) == nil ? nil : $0
    }
    reachesAny = source.tensors.contains { $0.hasRealNumbers && options.selection.takes($0.name) }
    output = OutputBuilder(of: source)
    output.companions = scaled.companions
    try addTensors()
  }

  private mutating func addTensors() throws(IngotError) {
    let selection = options.selection
    var (written, tied) = (Set<Int>(), Set<Int>())
    for (index, tensor) in source.tensors.enumerated() {
      guard selection.takes(tensor.name) else {
        output.losses.append(
          Loss(
            .dropped, tensor: tensor.name, detail: "not taken by \(option: .include) or \(option: .exclude)"))
        continue
      }
      if tensor.aliasOf != nil, options.head == .tie {
        output.losses.append(
          Loss(.alias, tensor: tensor.name, detail: "is not stored: another name of a tensor"))
        continue
      }
      let isTied = keepsAliases && options.head != .untie
      let aliasOf = tensor.aliasOf.flatMap {
        isTied && selection.takes($0) && options.dtype(of: [tensor.name]) == options.dtype(of: [$0])
          ? $0 : nil
      }
      written.insert(index)
      if aliasOf != nil { tied.insert(index) }
      try add(index, as: dtype(of: tensor), aliasOf: aliasOf)
    }
    output.losses += SharedTensors(source.tensors).losses(writing: written, tied: tied)
  }

  /// Adds a tensor; without a dtype, or where that does not reach it, as it is.
  private mutating func add(_ index: Int, as dtype: DType?, aliasOf: String?) throws(IngotError) {
    let tensor = source.tensors[index]
    if let made = merged[index] {
      return addMade(made, in: tensor, as: dtype ?? tensor.dtype, aliasOf: aliasOf)
    }
    guard let dtype, tensor.isQuantized || tensor.dtype != dtype else {
      return output.keep(index, aliasOf: aliasOf)
    }
    if tensor.isQuantized {
      try output.dequantize(index, to: dtype, onOverflow: options.onOverflow, aliasOf: aliasOf)
    } else if fixed.contains(ExactName(tensor.name)) {
      report(kept: tensor, not: dtype, because: "a scale of values that stay")
      output.keep(index, aliasOf: aliasOf)
    } else if tensor.dtype.isFloating {
      try output.cast(index, to: dtype, onOverflow: options.onOverflow, aliasOf: aliasOf)
    } else {
      if tensor.mayBeWeight || !reachesAny {
        report(
          kept: tensor, not: dtype,
          because: tensor.dtype.family == .complex
            ? "complex numbers have two parts"
            : tensor.mayBeWeight ? "no scales of its values are known" : "it holds no floating-point numbers")
      }
      output.keep(index, aliasOf: aliasOf)
    }
  }

  /// Adds a tensor that is made of several, in one rounding.
  private mutating func addMade(
    _ made: MergedValues, in tensor: TensorDescriptor, as dtype: DType, aliasOf: String?
  ) {
    let casts = made.part.dtype == dtype ? [] : [Provenance.cast(from: made.part.dtype, to: dtype)]
    output.add(
      PlannedTensor(
        name: tensor.name, TensorType(dtype: dtype, shape: tensor.shape), aliasOf: aliasOf,
        transforms: made.notes + casts),
      [made.part.casting(to: dtype, onOverflow: options.onOverflow)])
  }

  private mutating func report(kept tensor: TensorDescriptor, not dtype: DType, because why: Evidence) {
    output.losses.append(
      Loss(.kept, tensor: tensor.name, detail: "stays \(tensor.dtype), not \(dtype): \(why)"))
  }

  /// What a tensor's numbers become; `nil` when they stay as they are.
  private mutating func dtype(of tensor: TensorDescriptor) -> DType? {
    let wanted = options.dtype(of: [tensor.name])
    guard let dtype = wanted, dtype != .f32, tensor.dtype.isFloating,
      let dialect, dialect.staysFloat32?(tensor.name, tensor.shape) == true
    else { return wanted }
    let program = TargetProgram.allCases.first { $0.dialect == dialect.id }?.rawValue ?? dialect.id
    output.losses.append(
      Loss(
        .kept, tensor: tensor.name,
        detail: "stays F32, not \(dtype): \(words: program) wants vectors and positions so"))
    return .f32
  }
}

extension TensorDescriptor {
  /// Whether a tensor that --dtype passes over may have been meant: complex numbers, and integers called a weight or of
  /// the type that quantized ones have, no indexes and masks.
  fileprivate var mayBeWeight: Bool {
    guard dtype.family != .complex else { return true }
    guard shape.rank > 1, dtype != .bool, dtype.bitWidth <= 32 else { return false }
    let last = name.utf8.split(whereSeparator: { "./".utf8.contains($0) }).last.map { String($0) } ?? ""
    return dtype == .i8 || ["weight", "qweight", "kernel", "w"].contains(last)
  }
}
