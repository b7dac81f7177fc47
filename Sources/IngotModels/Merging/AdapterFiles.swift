// SPDX-License-Identifier: Apache-2.0
// Finds what an adapter is made of: the config and the weights that PEFT writes into one folder; and says which of the
// files beside them stay there.
import IngotBytes
import IngotCore
import IngotFormats
import IngotOutput

/// The files of an adapter.
struct AdapterFiles {
  /// The config.
  let config: String
  /// The weights.
  let weights: String
  /// The folder of both.
  let folder: String

  private static let configName = "adapter_config.json"
  /// In the order in which PEFT looks for them.
  private static let weightNames = ["adapter_model.safetensors", "adapter_model.bin"]

  /// Finds an adapter.
  ///
  /// - Parameters:
  ///   - path: the folder, or the weights in it.
  ///   - system: the operating system.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` for what is not there.
  init(at path: String, system: any SystemCalls) throws(IngotError) {
    func isFile(_ path: String) -> Bool {
      (try? system.status(at: path, followingLinks: true))?.kind == .file
    }
    guard path != StandardInput.path else {
      throw .missing(path: StandardInput.name, why: "is no adapter, which is files in a folder", hint: nil)
    }
    do throws(CallFailure) { _ = try system.status(at: path, followingLinks: true) } catch {
      throw .notFound(error, path: path, system)
    }
    folder = CompanionScan.folder(of: path, system: system)
    config = FilePath.join(folder, Self.configName)
    if isFile(path), FilePath.name(of: path) != Self.configName {
      weights = path
    } else {
      let found = Self.weightNames.map { [folder] in FilePath.join(folder, $0) }.first(where: isFile)
      guard let found else {
        throw .missing(
          path: folder, why: "holds no adapter",
          hint: "looked for \(words: Self.weightNames.joined(separator: " and ")), as PEFT writes them")
      }
      weights = found
    }
    guard isFile(config) else {
      throw .missing(
        path: config, why: "does not exist, and tells how the adapter is to be merged", hint: nil)
    }
  }

  /// Files beside the adapter, which do not travel: all but those that the base has too, byte for byte.
  ///
  /// - Parameters:
  ///   - checkpoint: the adapter's weights.
  ///   - base: the folder of the base.
  ///   - system: the operating system.
  /// - Returns: a line for each.
  func losses(_ checkpoint: Checkpoint, base: String, system: any SystemCalls) -> [Loss] {
    let scan = CompanionScan(of: folder, checkpoint, system: system)
    let left = scan.entries.filter { entry in
      guard entry.name != Self.configName else { return false }
      let twin = FilePath.join(base, entry.name)
      guard let own = try? Companions.read(scan.path(of: entry), system: system),
        let other = try? Companions.read(twin, system: system)
      else { return true }
      return own != other
    }
    return left.map {
      .leftBehind(FilePath.join(folder, $0.name), "stays with the adapter; what goes along is the base's")
    } + scan.losses.map { $0.under(folder) }
  }
}

extension Loss {
  /// The loss of a file with the folder that the file is in.
  fileprivate func under(_ folder: String) -> Loss {
    var loss = self
    if case .value(let name)? = detail.pieces.first {
      loss.detail.pieces[0] = .value(FilePath.join(folder, name))
    }
    return loss
  }
}
