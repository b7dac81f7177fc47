// SPDX-License-Identifier: Apache-2.0
// `ingot show`.
import ArgumentParser
import IngotBytes
import IngotReport

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print values of tensors, or of parts of them.",
    discussion: """
      An index in brackets behind a name is numpy's: numbers, start:end:step, and ... for the dimensions between. Only \
      what is shown is read, unless the file has a checksum of the whole tensor, which is checked. Of quantized tensors the \
      numbers are shown that they stand for; --raw shows what is stored. More than 1000 values are shown by their edges; \
      --all shows each. In JSON all are there, exactly, as nested lists.

      EXAMPLES
        ingot show model.safetensors 'wte.weight[:3,:8]'
        ingot show model.safetensors 'h.0.attn.c_attn.bias[-1]' wte.weight
        ingot show model.npz 'h.*.ln_1.bias[::2]' --json
      """)

  @Argument(help: "A file, a shard index, or a folder.", completion: .path)
  var path: String

  @Argument(
    help: ArgumentHelp(
      "Names or name patterns, each with an index in brackets or without; none for the only tensor of a file.",
      valueName: "tensor"))
  var tensors: [String] = []

  @Flag(name: .long, help: "Show each of many values.")
  var all = false

  @Flag(
    name: .long,
    help: "Show what is stored: the tensors that quantized ones are made of, and the bytes of blocks.")
  var raw = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    var options = ShowOptions()
    options.reading = try reading.options(isRaw: raw)
    options.work = reading.work()
    let excerpts = try Ingot.show(tensors, of: path, options: options)
    // What can't be read is told before anything is printed; of very many tensors as it is met.
    for excerpt in excerpts.prefix(1000) { try excerpt.open() }
    guard global.json || !global.quiet else { return }
    let output = StreamedOutput(StandardOutput())
    func write(_ text: String) throws(IngotError) { try output.write(PathText.bytes(of: text)) }
    if global.json {
      try ExcerptText.writeJSON(excerpts, path: path, write)
    } else {
      let style = Terminal.standardOutput.style
      for excerpt in excerpts { try ExcerptText.write(excerpt, showsAll: all, style: style, write) }
    }
    for excerpt in excerpts { try excerpt.checkUnchanged() }
    try output.flush()
  }
}
