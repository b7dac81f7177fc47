// SPDX-License-Identifier: Apache-2.0
// What a config says of weights that become numbers while others of its model stay quantized: programs are told by a list
// of modules. Page: formats/quantized-tensors.md, "Other programs".
import IngotCore
import IngotFormats

/// Weights that a declared quantization is no longer about.
struct QuantizationExceptions {
  /// Their modules: the names of their tensors without `.weight`.
  private let modules: [String]

  /// Where transformers looks for modules that are not quantized, by the scheme's name.
  private static let keys = [
    "fp8": "modules_to_not_convert", "awq": "modules_to_not_convert", "quanto": "modules_to_not_convert",
    "mxfp4": "modules_to_not_convert", "bitsandbytes": "llm_int8_skip_modules",
    "compressed-tensors": "ignore",
  ]
  /// The module that transformers leaves alone as long as no list says which.
  private static let head = "lm_head"

  /// Takes weights by the names that they have as numbers; `nil` where one is no module's.
  init?(of names: [String]) {
    let modules = names.compactMap { name in
      name.utf8.suffix(7).elementsEqual(".weight".utf8) ? String(name.dropLast(7)) : nil
    }
    guard modules.count == names.count else { return nil }
    self.modules = modules
  }

  /// Adds them to the list of a config.
  ///
  /// - Parameter document: the config.
  /// - Returns: what is said of the change; `nil` where the config's scheme has no such list.
  func add(to document: inout Metadata) -> Loss? {
    for key in ScaleTensors.configKeys {
      guard case .object(var declared)? = document[key] else { continue }
      guard let list = declared.string("quant_method").flatMap({ Self.keys[$0] }) else { return nil }
      var listed: [MetadataValue] = [.string(Self.head)]
      if case .array(let known)? = declared[list] { listed = known }
      declared[list] = .array(listed + modules.map { .string($0) }.filter { !listed.contains($0) })
      document[key] = .object(declared)
      return Loss(
        .changed,
        detail:
          "\(key): \(list) names \(modules.count, "module that is", "modules that are") not quantized any more"
      )
    }
    return nil
  }
}
