// SPDX-License-Identifier: Apache-2.0
// The keys of a config that state the dtype of its weights, which loaders obey. Their values are replaced where they
// stand: every other byte of the file stays. Page: formats/config.md.
import IngotCore
import IngotEncodings

/// The keys of a config that state the dtype of its weights.
package enum ConfigDType {
  /// What transformers has called it, before version 5 and since, and what others do; in the config of any part.
  private static let keys: Set<String> = [
    "torch_dtype", "dtype", "param_dtype", "params_dtype", "model_dtype", "weight_dtype", "weights_dtype",
  ]

  /// Names of dtypes, in the two styles that configs have; the first of each is written.
  private static let styles: [[DType: [String]]] = [
    [
      .f64: ["float64", "double"], .f32: ["float32", "float"], .f16: ["float16", "half"], .bf16: ["bfloat16"],
      .f8E4M3: ["float8_e4m3fn"], .f8E5M2: ["float8_e5m2"],
    ],
    [
      .f64: ["fp64", "f64"], .f32: ["fp32", "f32"], .f16: ["fp16", "f16"], .bf16: ["bf16"],
      .f8E4M3: ["fp8_e4m3"], .f8E5M2: ["fp8_e5m2"],
    ],
  ]

  /// A key whose value is another.
  package struct Change: Hashable, Sendable {
    /// The key, behind those of the objects that it is in: `text_config.dtype`.
    package var key: String
    /// What it said.
    package var old: String
    /// What it says.
    package var new: String
  }

  /// Makes a config state a dtype wherever it states one of numbers.
  ///
  /// - Parameters:
  ///   - dtype: what the weights are.
  ///   - bytes: the config.
  /// - Returns: the config and what was changed; `nil` when that is nothing, or the file is no JSON object.
  package static func stating(_ dtype: DType, in bytes: [UInt8]) -> (bytes: [UInt8], changes: [Change])? {
    var scanner = JSONScanner(bytes)
    let finder = Finder(dtype)
    do throws(JSONFailure) {
      try finder.object(&scanner, below: "", isStatement: false)
      try scanner.finish()
    } catch {
      return nil
    }
    guard !finder.found.isEmpty else { return nil }
    var result = bytes
    for (range, change) in finder.found.reversed() {
      result.replaceSubrange(range, with: JSONWriter.quoted(change.new).utf8)
    }
    return (result, finder.found.map(\.change))
  }

  /// The name of a dtype in the style of another's, with what stands before it: `torch.float32`.
  private static func name(of dtype: DType, like old: String) -> String? {
    let start = old.lastIndex(of: ".").map { old.index(after: $0) } ?? old.startIndex
    let word = old[start...]
    guard let style = styles.first(where: { $0.values.contains { $0.contains(String(word)) } }),
      let name = style[dtype]?.first, style[dtype]?.contains(String(word)) != true
    else { return nil }
    return old[..<start] + name
  }

  /// Walks a document and notes where what is to be replaced stands.
  private final class Finder {
    let dtype: DType
    var found: [(range: Range<Int>, change: Change)] = []

    init(_ dtype: DType) { self.dtype = dtype }

    /// Walks an object; one that is the value of such a key states a dtype for each part, that of the rest under an empty
    /// name.
    func object(
      _ scanner: inout JSONScanner, below path: String, isStatement: Bool
    ) throws(JSONFailure) {
      try scanner.enterObject()
      while let key = try scanner.nextKey()?.name {
        // How quantized weights are stored or computed with is another matter.
        if key.hasPrefix("quantization") {
          try scanner.skipValue()
        } else {
          let place = path.isEmpty ? key : key.isEmpty ? path : "\(path).\(key)"
          try value(&scanner, key: key, at: place, isStatement: isStatement || keys.contains(key))
        }
      }
    }

    private func value(
      _ scanner: inout JSONScanner, key: String, at place: String, isStatement: Bool
    ) throws(JSONFailure) {
      switch try scanner.peek() {
      case .object: try object(&scanner, below: place, isStatement: keys.contains(key))
      case .array:
        var index = 0
        try scanner.enterArray()
        while try scanner.nextElement() {
          try value(&scanner, key: "", at: "\(place)[\(index)]", isStatement: false)
          index += 1
        }
      case .string:
        let start = scanner.offset
        let old = try scanner.string()
        guard isStatement, let new = name(of: dtype, like: old) else { return }
        found.append((start..<scanner.offset, Change(key: place, old: old, new: new)))
      case .number, .bool, .null: try scanner.skipValue()
      }
    }
  }
}
