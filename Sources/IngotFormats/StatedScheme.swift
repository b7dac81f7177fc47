// SPDX-License-Identifier: Apache-2.0
// A scheme as metadata states it, held against the tensor that it is of: which arrays have to be there beside its values, and
// which rows are kept. Page: formats/quantized-tensors.md.
import IngotCore

/// A scheme as the metadata states it, before it is held against its tensor.
struct StatedScheme {
  /// The tensor.
  let name: String
  /// The scheme without the rows that are kept.
  let plain: Quantization
  /// Whether there are no zero points.
  let isSymmetric: Bool
  /// The rows that are kept, as stated; `nil` for none.
  let keptRows: MetadataValue?

  /// An array that has to be there.
  struct Part {
    let kind: PartKind
    let rule: QuantizedPartsRule
    let dtypes: [DType]
    /// `nil` when the scheme does not fit the values.
    let shape: Shape?

    /// Throws for a tensor that is not that array.
    func require(_ tensor: TensorDescriptor, path: String) throws(IngotError) {
      guard !dtypes.contains(tensor.dtype) || tensor.shape != shape else { return }
      throw QuantizedParts.malformed(
        rule, path, tensor.name, "\(tensor.dtype) of \(tensor.shape)",
        shape.map { "\(dtypes.first { $0 == tensor.dtype } ?? dtypes[0]) of \($0)" }
          ?? "a shape that the scheme fits")
    }
  }

  /// The scheme with the rows that are kept: QT-06.
  func scheme(of values: Shape, path: String) throws(IngotError) -> Quantization {
    guard let keptRows else { return plain }
    var scheme = plain
    if case .array(let numbers) = keptRows {
      scheme.keptRows = numbers.map { number in
        if case .int64(let row) = number { Int(exactly: row) ?? -1 } else { -1 }
      }
    }
    guard scheme.keptShape(of: values) != nil else {
      let fault = Quantization.keptFault(of: values)
      throw QuantizedParts.malformed(.keptIndexes, path, name, fault.found, fault.expected)
    }
    return scheme
  }

  /// The arrays beside the values.
  func parts(_ scheme: Quantization, of values: Shape) -> [Part] {
    let shape = scheme.scaleShape(of: values)
    var parts = [Part(kind: .scales, rule: .scales, dtypes: [.f32, .f16, .bf16], shape: shape)]
    if !isSymmetric { parts.append(Part(kind: .zeroPoints, rule: .zeroPoints, dtypes: [.i8], shape: shape)) }
    if let kept = scheme.keptShape(of: values) {
      parts.append(Part(kind: .keptRows, rule: .keptRows, dtypes: Quantization.keptTypes, shape: kept))
    }
    return parts
  }
}
