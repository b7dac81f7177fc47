// SPDX-License-Identifier: Apache-2.0
// A checkpoint as it is shown: each weight whose scales, or whose packed parts, are tensors of their own is one tensor.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotFormats
import IngotOutput
import IngotTransforms

extension Checkpoint {
  /// The checkpoint with quantized weights as one tensor each, as far as they are understood.
  ///
  /// - Parameters:
  ///   - path: where it is; a config beside it is looked at.
  ///   - wantsValues: whether the numbers of packed weights are wanted, for which some small tensors are read.
  ///   - work: how files are read.
  /// - Returns: the checkpoint; what breaks a rule, or is not understood, stays as it is stored, with a remark.
  /// - Throws: errors of reading.
  package func withWholeWeights(
    at path: String, wantsValues: Bool, work: WorkOptions
  ) throws(IngotError) -> Checkpoint {
    let loader = ArrayLoader(self, work: work)
    let scales = ScaleTensors(
      tensors, config: declaration(at: path, work), wantsValues: wantsValues
    ) { (tensor) throws(IngotError) in
      try loader.bytes(.stored(name: tensor.name, tensor.parts[0]))
    }
    guard !scales.weights.isEmpty else { return self }
    var whole = scales.joined(self) { _ in true }
    for weight in scales.weights {
      switch weight.scheme {
      case .known, .packed: continue
      case .unknown(let why): note(why, of: weight, in: &whole)
      case .broken(let rule, let tensor, let found, let expected):
        note("\(words: rule.rawValue), \(tensor): \(found), expected \(expected)", of: weight, in: &whole)
      case .unreadable(let error): throw error
      }
    }
    return whole
  }

  /// The checkpoint with weights whose scales, or packed parts, are tensors of their own as one tensor each; itself where
  /// there are none.
  ///
  /// - Parameters:
  ///   - path: where it is; a config beside it is looked at.
  ///   - work: how files are read.
  /// - Returns: the checkpoint.
  /// - Throws: errors of reading.
  package func withUnpackedWeights(at path: String, work: WorkOptions) throws(IngotError) -> Checkpoint {
    let whole = try withWholeWeights(at: path, wantsValues: true, work: work)
    return whole.tensors.count < tensors.count ? whole : self
  }

  /// The checkpoint with int8 whose scales are a column, one for each row, as what they are: scales of output channels, which
  /// products sum integers by.
  var withChannelScales: Checkpoint {
    var result = self
    for (index, tensor) in tensors.enumerated() where tensor.dtype == .i8 && tensor.shape.rank == 2 {
      guard var scheme = tensor.quantization?.scheme, tensor.parts.map(\.kind) == [.values, .scales],
        scheme.granularity == .perBlock([1, tensor.shape.dimensions[1]]), var scales = tensor.parts.last,
        scales.storage.layout == .rowMajor, let rows = Shape([tensor.shape.dimensions[0]])
      else { continue }
      scheme.granularity = .perChannel(axis: 0)
      scales.shape = rows
      result.tensors[index].quantize(scheme, [scales])
    }
    return result
  }

  private func note(_ why: Evidence, of weight: ScaleTensors.Weight, in whole: inout Checkpoint) {
    whole.findings.append(
      Finding(
        .notRead, severity: .note, subject: tensors[weight.values].name,
        detail: "is quantized, and shown as it is stored: \(why)"))
  }

  /// What the config, or a file of its own, declares; `nil` where there is none that can be read.
  private func declaration(at path: String, _ work: WorkOptions) -> Metadata? {
    let folder = CompanionScan.folder(of: path, system: work.system)
    func document(_ name: String) -> Metadata? {
      let inside = companions.first { $0.name == name }?.bytes
      guard let bytes = inside ?? (try? Companions.text(FilePath.join(folder, name), system: work.system))
      else { return nil }
      return try? JSONDocument.object(bytes)
    }
    return ScaleTensors.declaration(
      config: document("config.json"), beside: { document(CompanionName.quantization) })
  }
}
