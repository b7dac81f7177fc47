// SPDX-License-Identifier: Apache-2.0
// `ingot edit`.
import ArgumentParser
import IngotReport

struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Change a file's metadata, and nothing else.",
    discussion: """
      Tensors keep their bytes, order and places. A new file takes the old one's place in one step, its data copied by \
      the kernel; with --in-place only the head is written, where the new one is as long as the old: that takes no time \
      at any size. Formats: safetensors, whose values are text, GGUF and .ingot. In these a value keeps the type that its key \
      has. The value of a new key tells its own type: true, 12, 0.5 and [1,2] are what they look like, all else is text; \
      quotes around a value make it text too.

      A value is read from a file where it is @FILE, without the line feed at its end; @@ stands for a value that begins \
      with @.

      EXAMPLES
        ingot edit model.safetensors --set format=pt
        ingot edit model.gguf --set general.name='My model'
        ingot edit model.gguf --set gpt2.context_length=512 --set tags='["a","b"]'
        ingot edit model.gguf --set tokenizer.chat_template=@chat.jinja
        ingot edit model.ingot --remove 'training.*' --plan
        ingot edit model.safetensors --remove '*' --in-place
      """)

  @Argument(help: "The file, or a folder that holds one.", completion: .path)
  var path: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Give a key a value, or a file's text by @FILE. Repeatable.", valueName: "key=value"))
  var values: [KeyValueArgument] = []

  @Option(
    name: .customLong("remove"),
    help: ArgumentHelp("Remove keys by pattern. Repeatable.", valueName: "glob"))
  var removals: [String] = []

  @Flag(name: .customLong("in-place"), help: "Write the head only; refused where the new one has no room.")
  var isInPlace = false

  @Flag(name: .customLong("plan"), help: "Say what would be done, and write nothing.")
  var isPlan = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard !values.isEmpty || !removals.isEmpty else {
      throw ValidationError("Nothing to change: give --set or --remove.")
    }
  }

  func run() throws {
    var settings = EditOptions()
    settings.change.values = try values.map(\.text).map { (spelling) throws(IngotError) in
      guard let (key, value) = spelling.divided(at: "="), !key.isEmpty else {
        throw .invalidRequest(option: .values, why: "\(spelling) is not of the form KEY=VALUE")
      }
      return (key, try EditOptions.text(of: value))
    }
    settings.change.removals = removals.map(Glob.init)
    settings.isInPlace = isInPlace
    settings.isPlan = isPlan
    let report = try Ingot.edit(path, options: settings, progress: global.progress)
    global.print(json: { EditText.json(report) }) { EditText.lines(report, isPlan: isPlan, style: $0) }
  }
}

/// A key and its value: text, but for the path of a file that holds the value, which takes any bytes.
struct KeyValueArgument: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    let parts = argument.divided(at: "=")
    let isFile = parts.map { $0.behind.hasPrefix("@") && !$0.behind.hasPrefix("@@") } ?? false
    guard TextArgument(argument: isFile ? parts?.before ?? "" : argument) != nil else { return nil }
    text = argument
  }
}
