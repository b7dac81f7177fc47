// SPDX-License-Identifier: Apache-2.0
// Doors into whole files by path, as the program opens them: everything is read, or converted. Files lie in a folder in
// memory where there is one.
import IngotBytes
import IngotKit
import IngotReport
import IngotTasks

extension FuzzDoor {
  static let files: [FuzzDoor] = [
    FuzzDoor("file", greatestByteCount: 1 << 16) { (bytes) throws(IngotError) in
      try withFile(bytes, of: "file") { (path) throws(IngotError) in
        _ = try? Ingot.surveySecurity(path).isClean
        var options = InspectOptions()
        options.hashes = true
        options.statistics = true
        options.histograms = true
        options.work.jobs = 1
        let report = try Ingot.inspect(path, options: options)
        try JSONText.writeInspections([report]) { _ in }
        try InspectionText.write(report, style: TextStyle()) { _ in }
      }
    },
    FuzzDoor("convert", greatestByteCount: 1 << 16) { (bytes) throws(IngotError) in
      try withFile(bytes, of: "convert") { (path) throws(IngotError) in
        try convert(path, choice: Int(CRC32.value(of: bytes) >> 8))
      }
    },
    FuzzDoor("task") { (bytes) throws(IngotError) in
      let template = TaskTemplate.all[Int(bytes.first ?? 0) % TaskTemplate.all.count]
      let items = try TaskFile(Array(bytes.dropFirst()), path: "f", template: template).items
      for item in items {
        precondition(
          item.answered.hasPrefix(item.prompt) || !item.texts[0].lead.isEmpty || !item.prompt.isEmpty)
        precondition(item.texts.allSatisfy { $0.byteCount > 0 && $0.byteCount <= $0.scored.utf8.count })
        let cut = AnswerCut(for: template, expected: item.texts.map(\.scored))
        let answer = cut.answer(in: item.answered, behind: item.prompt)
        precondition(answer.utf8.count <= item.answered.utf8.count)
      }
    },
    FuzzDoor("documents") { (bytes) throws(IngotError) in
      let folder = try FuzzFolder(of: "documents")
      defer { folder.remove() }
      var options = CorpusOptions()
      options.documentForm = DocumentForm.allCases[Int(bytes.first ?? 0) % DocumentForm.allCases.count]
      options.documentSeparator = options.documentForm == .text ? "|" : ""
      options.recipe.minimumWords = 1
      options.work.jobs = 1
      let path = try folder.write(Array(bytes.dropFirst()), to: "f")
      let report = try Ingot.corpus([path], to: path + ".jsonl", options: options)
      // What was kept is kept again, and the same bytes.
      options.documentForm = .jsonLines
      options.documentSeparator = ""
      let again = try Ingot.corpus([path + ".jsonl"], to: nil, options: options)
      precondition(again.keptCount == report.keptCount && again.documentCount == report.keptCount)
    },
  ]

  /// What the first byte of the input calls the file.
  private static let names = [
    "f.safetensors", "f.npy", "f.npz", "f.pt", "f.gguf", "f.ingot", "f.bin", "f.index", "f.zip", "f.tar",
    "f.7z",
    "f.tar.gz", "f.safetensors.index.json", "f.bin.index.json",
  ]

  /// Writes bytes to a file and removes it afterwards.
  private static func withFile(
    _ bytes: [UInt8], of door: String, _ body: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let folder = try FuzzFolder(of: door)
    defer { folder.remove() }
    let name = names[Int(bytes.first ?? 0) % names.count]
    // A bundle's index needs its data file; other formats see one that is not theirs.
    if name == "f.index" {
      try folder.write((0..<4096).map { UInt8(truncatingIfNeeded: $0) }, to: "f.data-00000-of-00001")
    }
    try body(try folder.write(Array(bytes.dropFirst()), to: name))
  }

  /// Converts to a format and a dtype that the choice says, unless the output would be a large one.
  private static func convert(_ path: String, choice: Int) throws(IngotError) {
    let targets = ["safetensors", "npz", "npy", "pytorch", "gguf", "ingot", "tensorflow", "llmc"]
    let dtypes: [DType?] = [nil, .f32, .f16, .bf16, .f64, .f8E4M3]
    var options = ConvertOptions()
    options.format = targets[choice % targets.count]
    options.dtype = dtypes[choice / targets.count % dtypes.count]
    options.onOverflow = .saturate
    let isArchive = options.format == "npz"
    options.compresses = isArchive && choice & 1024 != 0
    options.keepsUnknownBits = isArchive && choice & 2048 != 0
    options.shardByteLimit = choice & 4096 != 0 ? 100 : nil
    options.check = true
    options.force = true
    options.work.jobs = 1
    let conversion: Conversion
    do throws(IngotError) {
      conversion = try Conversion(path, to: path + ".out", options: options)
    } catch {
      // A target that does not shard or compress is asked all the same.
      if case .invalidRequest = error { return }
      throw error
    }
    guard conversion.report.byteCount <= 1 << 22 else { return }
    _ = ConversionText.lines(try conversion.run(), seconds: 1, style: TextStyle())
  }
}
