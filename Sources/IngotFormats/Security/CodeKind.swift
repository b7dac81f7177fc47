// SPDX-License-Identifier: Apache-2.0
// Code that other programs run, known by a file's first bytes or its name, and configs that name some. Nothing is read
// as code: a file of the kind is enough.
import IngotBytes

/// Code that programs would run.
public enum CodeKind: String, CaseIterable, Hashable, Sendable {
  /// Python's source or a notebook.
  case python = "python-source"
  /// Source of another language, which programs compile or interpret.
  case source
  /// Byte code of Python, Java, LLVM or WebAssembly.
  case bytecode
  /// A program or library of the machine.
  case native
  /// The code of a TorchScript archive.
  case torchScript = "torchscript"
  /// A graph of TensorFlow, whose operators may read and write files.
  case tensorFlowGraph = "tensorflow-graph"
  /// A config that has transformers load Python from beside it, or from elsewhere.
  case customCode = "custom-code"
  /// A config that names functions which Hydra or YAML would call.
  case configuredCall = "configured-call"
  /// A layer of Keras that is Python's byte code.
  case kerasLambda = "keras-lambda"
  /// A template that reaches for what is inside Python.
  case template
}

extension CodeKind {
  /// The kind of a file; `nil` for what is no code by its first bytes and its name.
  ///
  /// - Parameters:
  ///   - firstBytes: the first bytes.
  ///   - name: the name that a program would know it by; `nil` for raw numbers, which may begin with any two bytes.
  /// - Returns: the kind.
  static func of(firstBytes: [UInt8], name: String?) -> CodeKind? {
    if let known = marks.first(where: {
      firstBytes.starts(with: $0.bytes) && ($0.bytes.count > 3 || name != nil)
    }) {
      return known.kind
    }
    guard let name else { return nil }
    if firstBytes.starts(with: "MZ".utf8), firstBytes.count > 64,
      firstBytes[60..<64].contains(where: { $0 != 0 })
    {
      return .native
    }
    // The number of a version of CPython, and a line's end.
    if firstBytes.count >= 16, firstBytes[2] == 0x0D, firstBytes[3] == 0x0A,
      (0x0B...0x0F).contains(firstBytes[1])
    {
      return .bytecode
    }
    let suffix = FilePath.fileExtension(of: name)
    return extensions.first { $0.names.contains(suffix) }?.kind
  }

  private static let marks: [(bytes: [UInt8], kind: CodeKind)] = [
    ([0x7F, 0x45, 0x4C, 0x46], .native), ([0xCF, 0xFA, 0xED, 0xFE], .native),
    ([0xCE, 0xFA, 0xED, 0xFE], .native),
    ([0xFE, 0xED, 0xFA, 0xCF], .native), ([0xFE, 0xED, 0xFA, 0xCE], .native),
    ([0xCA, 0xFE, 0xBA, 0xBE], .bytecode),
    ([0x00, 0x61, 0x73, 0x6D], .bytecode), ([0x42, 0x43, 0xC0, 0xDE], .bytecode), ([0x23, 0x21], .source),
  ]

  private static let extensions: [(names: Set<String>, kind: CodeKind)] = [
    (["py", "pyw", "pyx", "pyi", "ipynb"], .python),
    (
      [
        "sh", "bash", "zsh", "fish", "bat", "cmd", "ps1", "vbs", "js", "mjs", "cjs", "lua", "pl", "rb", "php",
        "r", "jl",
        "c", "cc", "cpp", "cxx", "cu", "cuh", "h", "hpp", "hip", "metal",
      ], .source
    ), (["pyc", "pyo", "class", "wasm", "ptx"], .bytecode),
    (["so", "dll", "dylib", "pyd", "exe", "node", "cubin"], .native),
    (["pb", "pbtxt", "meta"], .tensorFlowGraph),
  ]

  /// The suffixes of texts in which marks of code are looked for.
  private static let configs: Set<String> = ["json", "yaml", "yml", "toml", "h5", "hdf5", "keras"]

  /// What in a text's content, without white space and with escapes resolved, shows code.
  ///
  /// - Parameter name: the file's name.
  /// - Returns: marks; none for a text in which none are looked for.
  static func textMarks(forName name: String) -> [(mark: [UInt8], kind: CodeKind)] {
    let suffix = FilePath.fileExtension(of: name)
    let base = FilePath.name(of: name)
    let isTemplate =
      ["jinja", "jinja2", "j2"].contains(suffix) || base.hasPrefix("chat_template")
      || base == "tokenizer_config.json"
    return (configs.contains(suffix) ? configMarks : []) + (isTemplate ? templateMarks : [])
  }

  private static let configMarks = marks([
    ("\"auto_map\":", .customCode), ("\"trust_remote_code\":true", .customCode),
    ("trust_remote_code:true", .customCode), ("\"custom_pipelines\":", .customCode),
    ("_target_\":", .configuredCall), ("_target_:", .configuredCall), ("_target_=", .configuredCall),
    ("_target_\"=", .configuredCall), ("!!python/", .configuredCall),
    ("yaml.org,2002:python/", .configuredCall), ("\"class_name\":\"Lambda\"", .kerasLambda),
    ("\"__lambda__\"", .kerasLambda),
  ])

  private static let templateMarks = marks([
    ("__class__", .template), ("__globals__", .template), ("__subclasses__", .template),
    ("__builtins__", .template), ("__import__", .template), ("__mro__", .template), ("__base__", .template),
    ("__init__", .template),
    // A name that is put together; JSON escapes the quotes of a template, and lists of words have others.
    ("['__", .template), ("[\\\"__", .template), ("attr('__", .template), ("attr(\\\"__", .template),
  ])

  /// What a text of a checkpoint's metadata would be called as a file: a template, a config.
  ///
  /// - Parameters:
  ///   - key: the metadata's key, such as GGUF's `tokenizer.chat_template.tool_use`.
  ///   - text: the value.
  /// - Returns: the name; `nil` for a text in which no program looks for code.
  static func fileName(ofMetadata key: String, _ text: String) -> String? {
    if key.contains("chat_template") { return "chat_template.jinja" }
    if key.contains("tokenizer_config") { return "tokenizer_config.json" }
    let first = text.utf8.first { $0 > 0x20 }
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? "config.json" : nil
  }

  private static func marks(_ texts: [(String, CodeKind)]) -> [(mark: [UInt8], kind: CodeKind)] {
    texts.map { (Array($0.0.utf8), $0.1) }
  }
}
