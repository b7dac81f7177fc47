// SPDX-License-Identifier: Apache-2.0
// `ingot eval`.
import ArgumentParser
import IngotReport

struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure a model's loss on a text, and what it lost against a baseline.",
    discussion: """
      Tokens are cut into windows of the context's length; each but the first is predicted once. With --stride, windows \
      are those of transformers' page on perplexity: each token is predicted by those before it in its window, and a \
      window's first one is not where windows do not overlap. Bits a byte count the bytes of predicted tokens. With \
      --against, KL is that of the baseline's expectations to the model's, in nats a token. --max-kl and --min-top1 make \
      it a check that exits with 1.

      A masked language model (BERT with its head for masked tokens) has a pseudo-log-likelihood, and says so: each token \
      is hidden by the mask in turn and scored by all around it (Salazar et al., 2020). Windows are the context less the \
      tokenizer's marks, which are put around each; special tokens, the unknown one among them, are not scored. It costs \
      a run of the window for each token, and takes no --stride.

      Logits of at most 1024 tokens and 256 MiB are held at once, of each model.

      \(understoodModels)

      EXAMPLES
        ingot eval gpt2/ --text story.txt
        ingot eval gpt2/ --text story.txt --stride 512
        ingot eval gpt2-int8.ingot --tokens t.npy --against gpt2/ --max-kl 1e-3
        ingot eval bert-base-uncased/ --text story.txt --per-token --json
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @OptionGroup var source: TextArguments

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The baseline; --config is for it too where it has no config of its own.", valueName: "model"),
    completion: .path)
  var against: String?

  @Option(name: .long, help: "Tokens from one window to the next, as transformers has them.")
  var stride: Int?

  @Flag(
    name: .customLong("per-token"),
    help: "With --json, list every scored token: its id, loss, stretch of the text, and KL.")
  var listsTokens = false

  @Option(name: .customLong("max-kl"), help: "Fail when the mean divergence from the baseline is larger.")
  var maximumDivergence: Double?

  @Option(
    name: .customLong("min-top1"),
    help: "Fail when the likeliest tokens agree less often; a share from 0 to 1.")
  var minimumAgreement: Double?

  @OptionGroup var running: RunArguments
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    try source.requireOne()
    if let stride, stride < 1 { throw ValidationError("The stride is at least 1.") }
    if let minimumAgreement, !(0...1).contains(minimumAgreement) {
      throw ValidationError("--min-top1 is a share from 0 to 1, such as 0.99.")
    }
    if let maximumDivergence, !(maximumDivergence >= 0) {
      throw ValidationError("--max-kl is a number of at least 0.")
    }
    if listsTokens, !global.json { throw ValidationError("--per-token goes with --json.") }
    if maximumDivergence != nil || minimumAgreement != nil, against == nil {
      throw ValidationError("--max-kl and --min-top1 go with --against.")
    }
  }

  func run() throws {
    var settings = EvaluateOptions()
    settings.against = against
    settings.stride = stride
    settings.listsTokens = listsTokens
    settings.run = try running.options
    let report =
      if let text = source.text {
        try Ingot.evaluate(model, text: text, options: settings, progress: global.progress)
      } else {
        try Ingot.evaluate(model, tokens: source.tokens ?? "", options: settings, progress: global.progress)
      }
    let missed = missed(by: report)
    global.print(json: { EvaluationText.json(report, missed: missed) }) {
      EvaluationText.lines(report, style: $0)
    }
    try global.fail(missed)
  }

  /// The bounds that do not hold.
  private func missed(by report: EvaluationReport) -> [String] {
    guard let divergence = report.divergence else { return [] }
    var missed: [String] = []
    if let bound = maximumDivergence, !(divergence.mean <= bound) {
      let mean = Quantity.exact(divergence.mean)
      missed.append("the mean KL is \(mean), over --max-kl \(Quantity.exact(bound))")
    }
    if let bound = minimumAgreement, !(divergence.top1Agreement >= bound) {
      let share = Quantity.exact(divergence.top1Agreement)
      missed.append(
        "the share of same likeliest tokens is \(share), under --min-top1 \(Quantity.exact(bound))")
    }
    return missed
  }
}
