// SPDX-License-Identifier: Apache-2.0
// What a checkpoint holds beside plain weights: an adapter, an optimizer's state, quantized weights, each by its name.
import IngotBytes
import IngotCore
import IngotModels
import IngotQuantization

/// Something that a checkpoint holds beside plain weights.
public enum ContentKind: Hashable, Sendable {
  /// Factors of an adapter: how many tensors; what its config calls it, its rank, and the model it is for, where it says so.
  case adapter(tensors: Int, kind: String?, rank: Int?, base: String?)
  /// What an optimizer goes on with.
  case optimizerState(tensors: Int)
  /// Weights that are quantized by a scheme.
  case quantized(tensors: Int, scheme: String)

  /// All that a checkpoint holds, told by names, types, and an adapter's config.
  static func all(in checkpoint: Checkpoint, at path: String, _ work: WorkOptions) -> [ContentKind] {
    var counts: [MatrixUse: Int] = [:]
    var schemes: [(name: String, count: Int)] = []
    var states = Set<ExactName>()
    var steps: [ExactName] = []
    for tensor in checkpoint.tensors {
      if mayBeNoWeight(tensor.name), let use = MatrixUse(tensor.name, shape: tensor.shape) {
        counts[use, default: 0] += 1
        if use == .optimizer { states.insert(owner(of: tensor.name)) }
      } else if tensor.name.hasSuffix(".step") {
        steps.append(owner(of: tensor.name))
      }
      guard let scheme = scheme(of: tensor) else { continue }
      if let index = schemes.firstIndex(where: { $0.name == scheme }) {
        schemes[index].count += 1
      } else {
        schemes.append((scheme, 1))
      }
    }
    var contents: [ContentKind] = []
    let config = ConfigDocument.file("adapter_config.json", of: checkpoint, at: path, work: work)?.document
    if config?["peft_type"] != nil || counts[.adapter] != nil {
      contents.append(
        .adapter(
          tensors: counts[.adapter] ?? checkpoint.tensors.count, kind: config.flatMap(adapterKind),
          rank: config?["r"]?.integer, base: config?.string("base_model_name_or_path")))
    }
    if let count = counts[.optimizer] {
      // How often each was updated goes with its averages.
      contents.append(.optimizerState(tensors: count + steps.count(where: states.contains)))
    }
    return contents + schemes.map { .quantized(tensors: $0.count, scheme: $0.name) }
  }

  /// What an adapter's config calls it; DoRA is a switch of LoRA.
  private static func adapterKind(_ config: Metadata) -> String? {
    if case .bool(true)? = config["use_dora"] { return "DoRA" }
    return config.string("peft_type")
  }

  /// The name before its last word: what an optimizer's averages of one weight have in common.
  private static func owner(of name: String) -> ExactName {
    ExactName(name.lastIndex(of: ".").map { String(name[..<$0]) } ?? "")
  }

  /// What a name must hold somewhere to be looked at: there may be a million.
  private static let marks = ["lora", "hada", "loha", "lokr", "optim", "exp_avg", "momentum", "square_avg"]
    .map {
      Array($0.utf8)
    }

  private static func mayBeNoWeight(_ name: String) -> Bool {
    var name = name
    return name.withUTF8 { bytes in
      bytes.indices.contains { start in
        // Letters in lower case; what else that changes is in no mark.
        let first = bytes[start] | 0x20
        return marks.contains { mark in
          mark[0] == first && mark.count <= bytes.count - start
            && mark.indices.allSatisfy {
              bytes[start + $0] == mark[$0] || bytes[start + $0] | 0x20 == mark[$0]
            }
        }
      }
    }
  }

  /// The name of the scheme that a tensor is quantized by; blocks have theirs in place of a dtype.
  private static func scheme(of tensor: TensorDescriptor) -> String? {
    if let packing = tensor.packing { return packing.scheme }
    guard let quantization = tensor.quantization else { return nil }
    let scheme = quantization.scheme
    // A row's largest magnitude in place of its scale is bitsandbytes', whose packed form has the name too.
    if scheme.scaleKind == .absmax { return "LLM.int8()" }
    let activations = scheme.activations == .none ? "" : ", int8 activations"
    let scales =
      switch scheme.granularity {
      case .perTensor: "one scale a tensor"
      case .perChannel: "one scale a channel"
      case .perBlock(let sizes) where sizes.count == 2 && sizes == [1, tensor.shape.dimensions.last ?? 0]:
        "one scale a channel"
      case .perGroup(_, let size): "one scale for \(size) inputs"
      case .perBlock(let sizes): "one scale for \(sizes.map(String.init).joined(separator: " × ")) values"
      case .perRun(let size): "one scale for \(size) values"
      }
    return "\(tensor.dtype.rawValue) with \(scales)\(activations)\(quantization.keptWords)"
  }
}

extension QuantizedType {
  /// The rows that are kept, behind the rest of a scheme: `, 64 rows in F16`; nothing where there are none.
  package var keptWords: String {
    keptType.map { ", \(Count(scheme.keptRows.count, "row")) in \($0.rawValue)" } ?? ""
  }
}
