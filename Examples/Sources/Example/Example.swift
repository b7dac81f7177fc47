// SPDX-License-Identifier: Apache-2.0
// What a library's user comes for: a look at a checkpoint, a tensor's numbers, tensors in memory written, a conversion
// with progress in a task.
// usage: Example CHECKPOINT FOLDER     new files go to the folder
import IngotKit

@main struct Example {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3 else { return print("usage: Example CHECKPOINT FOLDER") }
    let (source, folder) = (arguments[1], arguments[2])
    try look(at: source)
    try scale(source, into: "\(folder)/scaled.safetensors")
    try await convert(source, to: "\(folder)/half.npz")
  }

  /// What a checkpoint holds, from its headers alone.
  private static func look(at source: String) throws {
    let report = try Ingot.inspect(source)
    print("\(report.checkpoint.format): \(report.checkpoint.tensors.count) tensors")
    for finding in report.findings { print("  \(finding.subject): \(finding.detail)") }
  }

  /// The numbers of a tensor, whole and row by row, and a tensor that is made of them.
  private static func scale(_ source: String, into output: String) throws {
    let checkpoint = try Ingot.open(source)
    guard let matrix = checkpoint.tensors.first(where: { $0.shape.rank == 2 }) else { return }
    let values = try checkpoint.values(of: matrix.name, as: Float.self)
    var largest: Float = 0
    try checkpoint.forEachRow(of: matrix.name, as: Float.self) { _, row in
      largest = max(largest, row.map(\.magnitude).max() ?? 0)
    }
    print("\(matrix.name) \(matrix.shape): \(values.count) numbers up to \(largest)")
    let scaled = try Tensor(
      matrix.name, shape: matrix.shape.dimensions, values: values.map { $0 / largest })
    var options = WriteOptions()
    options.metadata["made-from"] = .string(matrix.name)
    let report = try Ingot.write([scaled], to: output, options: options)
    print("\(report.format): \(report.byteCount) bytes")
  }

  /// A conversion beside other tasks: it ends when its task is cancelled, and tells how far it is.
  private static func convert(_ source: String, to output: String) async throws {
    let progress = ProgressUpdates()
    let work = Task {
      defer { progress.finish() }
      return try await Ingot.run { () throws(IngotError) in
        var options = ConvertOptions()
        options.dtype = .f16
        return try Ingot.convert(source, to: output, options: options, progress: progress)
      }
    }
    var share = 0.0
    for await update in progress.updates where update.count > 0 {
      share = Double(update.done) / Double(update.count)
    }
    let report = try await work.value
    print("\(report.tensorCount) tensors, \(Int(share * 100)) %")
    for loss in report.losses where loss.tensor == nil { print("  \(loss.detail)") }
  }
}
