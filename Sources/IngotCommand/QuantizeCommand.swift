// SPDX-License-Identifier: Apache-2.0
// `ingot quantize`.
import ArgumentParser
import IngotReport

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Make weights small, and say what that costs.",
    discussion: """
      Linear weights and the token embedding are quantized; positions, norms, biases and what chooses experts stay. Schemes: int8 (one scale an \
      output channel), int8-tensor (one scale a tensor), int8-group:16 to int8-group:128 (one for so many inputs of a channel, that of least squared error), \
      q8_0 (ggml's blocks, in .gguf and .ingot; with --to llama2c its version 2), w8a8 (int8, and activations token by token; --for transformers or vllm), keep. \
      A .gguf gets llama.cpp's names, config and tokenizer, a file of llama2.c its names. --for transformers and --for vllm make a folder that these load with \
      compressed-tensors: linear layers of blocks are quantized there, embeddings and heads stay. --for ctranslate2 makes a folder that CTranslate2 \
      loads, with all weights as int8.

      --calibrate rounds with error feedback (GPTQ), and where activations become int8 (w8a8, ctranslate2) moves their outliers into weights first: channels \
      are divided by powers of two and weights multiplied by them, which rounds nothing. --keep-rows leaves the rows of the text's most used tokens out of \
      the embedding's int8: they stay F16 (BF16 of a BF16 model, F32 where F16 has no place for them), which only ingot reads.

      --measure says what it costs on text: what `ingot eval OUT --against IN` says, of the output before it gets its place. Outliers are \
      channels whose largest weight is over ten times the median channel's; clipped are values beyond what their scale reaches.

      A budget (--max-bits, --max-size, --max-kl) chooses the scheme of each weight that no rule names by what it costs, and tells what else could be had; a bound \
      that nothing keeps ends with 1. Costs are those of --sensitivities, or are measured on 4096 tokens of the text of --calibrate. --max-kl is held \
      against what the output does on the text of --measure, or on those tokens.

      \(understoodModels) Of any other checkpoint matrices are quantized, by types, shapes and names, under \
      their own names. They are taken for [out, in], as PyTorch's linear layers have them; no name tells whether one is [in, out], as Flax and Conv1D have \
      them, which gets a scale an input. What stays is listed with the reason: vectors, tensors of more dimensions, fewer than 32 rows or columns, positions, \
      norms, routers, adapters' factors, optimizers' states, rows that a scheme does not divide. A rule that names only such matrices quantizes them.

      EXAMPLES
        ingot quantize gpt2/ gpt2-int8.ingot
        ingot quantize gpt2/ gpt2-q8.gguf --scheme q8_0
        ingot quantize gpt2/ gpt2-int8/ --scheme int8-tensor
        ingot quantize llama/ llama-w8a8/ --scheme w8a8 --for vllm
        ingot quantize gpt2/ g64.ingot --scheme int8-group:64 --calibrate text.txt
        ingot quantize gpt2/ rows.ingot --calibrate text.txt --keep-rows 64
        ingot quantize gpt2/ g32.ingot --scheme int8-group:32 --scale-dtype bf16
        ingot quantize gpt2/ gpt2-ct2/ --for ctranslate2
        ingot quantize stories/ stories-q8.bin --to llama2c --scheme q8_0
        ingot quantize gpt2/ small.ingot --max-bits 8.3 --calibrate text.txt
        ingot quantize gpt2/ mixed.ingot --rule '*wte*=keep'
        ingot quantize t5/ t5-q8.ingot --scheme q8_0 --rule '*lm_head*=keep'
        ingot quantize gpt2/ gpt2-int8.ingot --measure heldout.txt --json
      """)

  @Argument(help: "The checkpoint: a file, a shard index, or a folder.", completion: .path)
  var input: String

  @Argument(help: "The output: a file or a folder (ends in /).", completion: .path)
  var output: String

  @Option(
    name: .long, help: "The scheme of weights that no rule names; int8 without it, for llama.cpp q8_0.")
  var scheme: QuantizationScheme?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "Make what a program loads: transformers, vllm, llama.cpp, ctranslate2.", valueName: "program"))
  var program: QuantizedProgram?

  @Option(
    name: .customLong("rule"),
    help: ArgumentHelp(
      "The scheme of tensors by name pattern; the last that matches holds.", valueName: "glob=scheme"))
  var rules: [String] = []

  @Option(
    name: .customLong("scale-dtype"), help: "How scales of groups are stored; f16 without it.")
  var scaleDType: ScaleDType?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Round by what the model does on a text, or on token ids in a .npy file.",
      valueName: "file"), completion: .path, transform: wholeFile)
  var calibrate: String?

  @Option(
    name: .customLong("calibration-tokens"),
    help: ArgumentHelp("The most tokens to calibrate with; 65536 without it.", valueName: "count"))
  var calibrationTokens: Int?

  @Option(
    name: .customLong("keep-rows"),
    help: ArgumentHelp(
      "Keep so many rows of the token embedding as F16 beside its int8: those of the text's most used tokens.",
      valueName: "count"))
  var keptRows: Int?

  @Option(
    name: .customLong("max-bits"),
    help: ArgumentHelp(
      "Choose each weight's scheme so that weights take at most so many bits each, scales counted.",
      valueName: "bits"))
  var maximumBits: Double?

  @Option(
    name: .customLong("max-size"),
    help: ArgumentHelp(
      "The same so that the output's files have at most so many bytes: 100MB.", valueName: "bytes"),
    transform: ByteCount.init)
  var maximumSize: ByteCount?

  @Option(
    name: .customLong("max-kl"),
    help: ArgumentHelp("The same so that the model moves at most so far, in nats a token.", valueName: "nats")
  )
  var maximumDivergence: Double?

  @Option(
    name: .long,
    help: ArgumentHelp("What each weight costs, as `ingot sensitivity -o` keeps it.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var sensitivities: String?

  @Option(
    name: .customLong("on-overflow"),
    help: "What becomes of F64 values beyond the range of F32.")
  var onOverflow: OverflowOfScales = .refuse

  @Option(
    name: .customLong("to"), help: "The output's format; without it, its extension tells.",
    completion: .writtenFormats)
  var format: String?

  @Option(
    name: .customLong("shard-size"),
    help: ArgumentHelp(
      "Cut the output into files of at most so many bytes: 5GB, 500MiB; the output is a folder, and its name no file's.",
      valueName: "bytes"), transform: ByteCount.init)
  var shardSize: ByteCount?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Measure the output against the input: a text, or a .npy file of token ids.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var measure: String?

  @Flag(name: .customLong("npy-bits"), help: "Keep dtypes that NumPy lacks (BF16, F8) as unsigned bits.")
  var npyBits = false

  @Flag(name: .long, help: "Replace an existing output.")
  var force = false

  @OptionGroup var options: ModelOptions
  @OptionGroup var soundness: AllowanceOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if calibrationTokens != nil, calibrate == nil {
      throw ValidationError("--calibration-tokens goes with --calibrate.")
    }
    let bounds = [maximumBits != nil, maximumSize != nil, maximumDivergence != nil].count { $0 }
    guard bounds <= 1 else {
      throw ValidationError("One of --max-bits, --max-size and --max-kl is kept at a time.")
    }
    if bounds == 1, scheme != nil {
      throw ValidationError("A budget chooses each weight's scheme, and --scheme gives all one.")
    }
    if let maximumBits, !(maximumBits > 0 && maximumBits.isFinite) {
      throw ValidationError("--max-bits is a number above 0.")
    }
    if let maximumDivergence, !(maximumDivergence >= 0 && maximumDivergence.isFinite) {
      throw ValidationError("--max-kl is a number of at least 0.")
    }
  }

  func run() throws {
    var settings = QuantizeOptions()
    settings.calibration = calibrate.map { CalibrationOptions($0) }
    if let calibrationTokens { settings.calibration?.tokenLimit = calibrationTokens }
    settings.keptRowCount = keptRows
    settings.budget = budget
    settings.sensitivities = sensitivities
    settings.program = program?.program
    settings.scheme = scheme ?? .implied(by: settings.program)
    settings.rules = try rules.map { (spelling) throws(IngotError) in
      guard let (pattern, word) = spelling.divided(at: "=", last: true) else {
        throw .invalidRequest(option: .rules, why: "\(spelling) is not of the form GLOB=SCHEME")
      }
      guard let scheme = QuantizationScheme(argument: word) else {
        let known = QuantizationScheme.allCases.map(\.rawValue).joined(separator: ", ")
        throw .invalidRequest(option: .rules, why: "there is no scheme \(word); known are \(words: known)")
      }
      return (pattern: Glob(pattern), scheme: scheme)
    }
    settings.config = options.config
    settings.scaleDType = scaleDType?.dtype
    settings.onOverflow = onOverflow.policy
    settings.allowances = soundness.allowances
    settings.format = format
    settings.shardByteLimit = shardSize?.value
    settings.measure = measure
    settings.force = force
    settings.keepsUnknownBits = npyBits
    settings.work = reading.work(threads)
    settings.reading = try reading.options()
    let report = try Ingot.quantize(input, to: output, options: settings, progress: global.progress)
    global.print(besides: output, json: { QuantizationText.json(report) }) {
      QuantizationText.lines(report, style: $0)
    }
  }
}

extension QuantizeCommand {
  /// The bound that schemes are chosen for; `nil` without one.
  private var budget: QuantizationBudget? {
    maximumBits.map { .bits($0) } ?? maximumSize.map { .bytes($0.value) }
      ?? maximumDivergence.map { .divergence($0) }
  }
}

extension QuantizationScheme: ExpressibleByArgument {
  /// Reads a scheme's name in any case.
  public init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}

/// A program that integers are made for; others are named where they are refused.
struct QuantizedProgram: ExpressibleByArgument {
  static let allValueStrings = ["transformers", "vllm", "llama.cpp", "ctranslate2"]
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

  let program: TargetProgram

  init?(argument: String) {
    guard let program = TargetProgram(rawValue: argument.lowercased()) else { return nil }
    self.program = program
  }
}

/// How scales of groups can be stored.
enum ScaleDType: String, CaseIterable, ExpressibleByArgument {
  case f16, bf16, f32

  var dtype: DType? { DType(caseInsensitive: rawValue) }
}

/// What can become of values beyond the range of scales: infinities can't be quantized.
enum OverflowOfScales: String, CaseIterable, ExpressibleByArgument {
  case refuse, saturate

  var policy: OverflowPolicy { self == .refuse ? .refuse : .saturate }
}
