// SPDX-License-Identifier: Apache-2.0
// Which matrices stay as they are by what they are called, where no model tells what they are for: the names of
// transformers, torch, PEFT and llama.cpp, whose quantizer has a list of this kind too.
import IngotCore

/// What the name of a matrix tells of its use.
package enum MatrixUse: CaseIterable, Hashable, Sendable {
  /// Where a token stands, how far one is from another, which segment it is in.
  case position
  /// Norms, biases, and the scales of other tensors.
  case scale
  /// What chooses among experts.
  case router
  /// A factor of an adapter.
  case adapter
  /// What an optimizer goes on with.
  case optimizer
  /// What steers a recurrence.
  case recurrence

  /// Why such a matrix stays as it is.
  package var why: Evidence {
    switch self {
    case .position: "positions, distances and token types are not quantized"
    case .scale: "norms, biases and scales are not quantized"
    case .router: "what chooses experts is not quantized"
    case .adapter: "an adapter's factors are not quantized, which are for merging into its base"
    case .optimizer: "an optimizer's state is not quantized"
    case .recurrence: "what steers a recurrence is not quantized"
    }
  }

  /// Words that tell it wherever they follow each other in a name.
  private var marks: [String] {
    switch self {
    case .position:
      [
        "pos emb", "pos embed", "pos embedding", "pos embeddings", "pos encoding", "position embd",
        "position embed", "position embedding", "position embeddings", "position encoding",
        "positional embedding", "positional embeddings", "positional encoding", "embed positions", "wpe",
        "token types", "token type embedding", "token type embeddings", "rope", "rotary", "attn rel b",
        "rel bias", "rel embeddings", "rel pos", "relative attention bias", "relative bias",
        "relative position",
      ]
    // By how names end.
    case .scale: []
    case .router: ["router", "ffn gate inp", "expert gate", "gate wg"]
    case .adapter: ["lora", "hada", "loha", "lokr"]
    case .optimizer: ["optimizer", "exp avg", "momentum buffer", "square avg"]
    case .recurrence:
      [
        "a log", "conv1d", "shortconv conv", "ssm a", "ssm d", "time decay", "time faaaa", "time first",
        "time maa", "time mix a", "time mix decay", "time mix first", "time mix g", "time mix lerp",
        "time mix v", "time mix w",
      ]
    }
  }

  /// The use that words tell wherever they follow each other.
  private static let uses: [String: MatrixUse] = Dictionary(
    allCases.flatMap { use in use.marks.map { ($0, use) } }, uniquingKeysWith: { first, _ in first })
  /// Words of a mark at the most.
  private static let longestMark = 3

  /// Words that tell of scales where the name of what a tensor belongs to ends in them.
  private static let scaleEnds: Set<String> = [
    "absmax", "batchnorm", "beta", "bias", "bn", "gamma", "groupnorm", "layernorm", "ln", "ln f", "norm",
    "rmsnorm", "scale", "scale inv", "scales", "zero point", "zeros",
  ]

  /// The use that a name tells; `nil` for one that tells none of these.
  ///
  /// - Parameters:
  ///   - name: the tensor's.
  ///   - shape: `[rows, columns]`: what is only called a gate chooses experts where there are fewer of these than inputs.
  package init?(_ name: String, shape: Shape) {
    let parts = name.lowercased().split { "./:".contains($0) }.map(Self.words)
    let isPlain = parts.last.map { [["kernel"], ["w"], ["weight"]].contains($0) } ?? false
    let owner = (isPlain ? parts.dropLast() : parts[...]).last ?? []
    if let use = Self.use(of: parts.flatMap(\.self)) {
      self = use
    } else if (1...2).contains(where: { Self.scaleEnds.contains(owner.suffix($0).joined(separator: " ")) }) {
      self = .scale
    } else if owner == ["gate"], shape.rank == 2, shape.dimensions[0] < shape.dimensions[1] {
      self = .router
    } else {
      return nil
    }
  }

  /// The first use that some words of a name tell.
  private static func use(of words: [Substring]) -> MatrixUse? {
    var found = Set<MatrixUse>()
    for start in words.indices {
      for count in 1...longestMark where start + count <= words.count {
        if let use = uses[words[start..<(start + count)].joined(separator: " ")] { found.insert(use) }
      }
    }
    return allCases.first(where: found.contains)
  }

  /// The words of a part of a name; numbers, and those behind a word, only count what is alike.
  private static func words(_ part: Substring) -> [Substring] {
    part.split { !$0.isLetter && !$0.isNumber }.compactMap { word in
      word.lastIndex { !$0.isNumber }.map { word[...$0] }
    }
  }
}
