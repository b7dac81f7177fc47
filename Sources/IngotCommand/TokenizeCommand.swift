// SPDX-License-Identifier: Apache-2.0
// `ingot tokenize` and `ingot detokenize`.
import ArgumentParser
import IngotBytes
import IngotReport

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn text into token ids.",
    discussion: """
      The tokenizer is a folder with tokenizer.json, vocab.json and merges.txt, encoder.json and vocab.bpe, vocab.txt, \
      tokenizer.model, tekken.json or a .tiktoken file, of which the first holds; one of these files; or a checkpoint that \
      holds it, such as GGUF. Text of any length is read as a stream.

      EXAMPLES
        ingot tokenize gpt2/ story.txt
        echo -n "In the beginning" | ingot tokenize model.gguf --special
        ingot tokenize tokenizer.json --json < story.txt
      """)

  @Argument(help: "The tokenizer: a folder, one of its files, or a checkpoint.", completion: .path)
  var path: String

  @Argument(help: "The text's file; without it, standard input.", completion: .path)
  var file: String?

  @Flag(help: "Add the tokens that the tokenizer puts around a text.")
  var special = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if path == "-", file ?? "-" == "-" {
      throw ValidationError("Standard input is the tokenizer already: name the text's file.")
    }
  }

  func run() throws {
    var options = TokenizeOptions()
    options.addsSpecial = special
    options.reading = try reading.options()
    options.work = reading.work()
    let output = TokenOutput(asJSON: global.json, isQuiet: global.quiet, scratchFolder: reading.scratchFolder)
    let notes = try Ingot.tokenize(
      path, from: { () throws(IngotError) in try InputStream(file) }, wantsOffsets: global.json,
      options: options
    ) { (ids, offsets) throws(IngotError) in try output.add(ids, offsets) }
    try output.finish(notes.assumption, leftOutBytes: notes.leftOutBytes)
    guard !global.quiet, !global.json else { return }
    let lines = TokenText.notes(
      notes.assumption, leftOutBytes: notes.leftOutBytes, style: Terminal.standardError.style)
    if !lines.isEmpty { Terminal.printError(lines) }
  }
}

struct DetokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detokenize",
    abstract: "Turn token ids into text.",
    discussion: """
      Ids are read from standard input, between white space or commas; the text's bytes are written, and nothing else. The \
      tokenizer is found as by tokenize.

      EXAMPLES
        echo 818,262,3726 | ingot detokenize gpt2/
        ingot tokenize gpt2/ story.txt | ingot detokenize gpt2/ | cmp - story.txt
      """)

  @Argument(help: "The tokenizer: a folder, one of its files, or a checkpoint.", completion: .path)
  var path: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if path == "-" { throw ValidationError("Standard input has the ids: name the tokenizer.") }
  }

  func run() throws {
    var options = TokenizeOptions()
    options.reading = try reading.options()
    options.work = reading.work()
    let output = TextOutput(asJSON: global.json, isQuiet: global.quiet)
    try Ingot.detokenize(
      path, from: { () throws(IngotError) in try InputStream(nil) }, wholeCharacters: global.json,
      options: options
    ) { (bytes) throws(IngotError) in try output.add(bytes) }
    try output.finish()
  }
}
