// SPDX-License-Identifier: Apache-2.0
// Marks and added tokens that files beside a vocabulary name, or that its publisher's code knows: found in text as Hugging
// Face's tokenizers find them when they are told the same.
import Foundation
import IngotCore
import IngotTestSupport
import IngotText
import Testing

@Suite struct AddedTokenSettingsTests {
  /// Files beside a vocabulary, and how the peer is told the same.
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    /// The fixture with the tokens.
    var fixture: String
    /// Tokens to add to vocab.json.
    var tokens: [String] = []
    var files: [String: String] = [:]
    /// Python that adds tokens to `tokenizer` of the tokens and merges.
    var peer: String
    var testDescription: String { name }
  }

  private static let marks = ["<s>", "</s>", "<unk>", "<pad>", "<mask>"]
  private static let special = "tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in"
  private static let addedByHand = """
    {"2049": {"content": "<mask>", "lstrip": true, "normalized": false, "rstrip": true, "single_word": false, "special": true},
     "2048": {"content": "caf\\u00e9", "lstrip": false, "normalized": true, "rstrip": false, "single_word": true}}
    """

  static let cases = [
    Case(
      name: "RoBERTa's code knows its marks", fixture: "kjv-gpt2", tokens: marks,
      files: ["tokenizer_config.json": #"{"tokenizer_class": "RobertaTokenizerFast"}"#],
      peer: """
        \(special) ("<s>", "</s>", "<unk>", "<pad>", "<mask>")])
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2049), ("<s>", 2048), add_prefix_space=False)
        """),
    Case(
      name: "GPT-1's code knows its token for what is unknown", fixture: "tokenizers/gpt1",
      peer: "\(special) ('<unk>',)])"),
    Case(
      name: "tokens with flags by id", fixture: "kjv-gpt2",
      files: [
        "tokenizer_config.json":
          #"{"tokenizer_class": "Qwen2Tokenizer", "mask_token": "<mask>", "added_tokens_decoder": \#(addedByHand)}"#
      ],
      peer: """
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(qwen2), "isolated"),
          pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        \(special) ("<|endoftext|>",)])
        tokenizer.add_tokens([AddedToken("caf\u{E9}", single_word=True)])
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
        """),
    Case(
      name: "marks with flags", fixture: "kjv-gpt2", tokens: ["<mask>", "<sep>"],
      files: [
        "special_tokens_map.json":
          #"{"mask_token": {"content": "<mask>", "lstrip": true}, "additional_special_tokens": ["<sep>"]}"#
      ],
      peer: """
        \(special) ("<|endoftext|>", "<sep>")])
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
        """),
    Case(
      name: "a token of word pieces that was added by hand", fixture: "wordpiece/uncased",
      files: ["added_tokens.json": #"{"Heaven<X>": ID}"#],
      peer: """
        \(special) ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")])
        tokenizer.add_tokens([AddedToken("Heaven<X>")])
        """),
  ]

  private static let text = """
    The <mask> earth  <s> and </s><unk>. <pad>a cafe\u{301} café decafé  <mask>  [MASK] heaven<x>HEAVEN<X> <sep> <|endoftext|> \
    [SEP] 1234 it's
    """

  /// Ids by Hugging Face's library, of the tokens and merges in a folder.
  private static let peer = #"""
    import json, os, sys
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    folder, text, code = sys.argv[1], sys.argv[2], sys.argv[3]
    qwen2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    if os.path.exists(folder + "/vocab.txt"):
        tokenizer = Tokenizer(models.WordPiece.from_file(folder + "/vocab.txt", unk_token="[UNK]"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    else:
        files = folder + "/vocab.json", folder + "/merges.txt"
        ends = any(token.endswith("</w>") for token in json.load(open(files[0], encoding="utf-8")))
        if ends:
            tokenizer = Tokenizer(models.BPE.from_file(*files, unk_token="<unk>", end_of_word_suffix="</w>"))
            tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        else:
            tokenizer = Tokenizer(models.BPE.from_file(*files))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    exec(code)
    print(",".join(map(str, tokenizer.encode(text, add_special_tokens="Processing" in code).ids)))
    """#

  @Test(arguments: cases)
  func `marks and added tokens are found as the peer finds them`(_ item: Case) throws {
    let folder = try TemporaryFolder()
    let isWordPiece = item.fixture.hasPrefix("wordpiece")
    var files: [String: [UInt8]] = [:]
    for name in isWordPiece ? ["vocab.txt"] : ["vocab.json", "merges.txt"] {
      files[name] = try Fixture.bytes("\(item.fixture)/\(name)")
    }
    if let vocabulary = files["vocab.json"], !item.tokens.isEmpty {
      let added = item.tokens.enumerated().map { #", "\#($1)": \#(2048 + $0)"# }.joined()
      files["vocab.json"] = Array(vocabulary[...(try #require(vocabulary.lastIndex(of: 0x7D)) - 1)])
      files["vocab.json"]? += Array("\(added)}".utf8)
    }
    let lines = files["vocab.txt"]?.count { $0 == 0x0A } ?? 0
    for (name, content) in item.files {
      files[name] = Array(content.replacing("ID", with: "\(lines)").utf8)
    }
    for (name, bytes) in files { try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name))) }
    let output = try PythonPeer.run(code: Self.peer, [folder.path, Self.text, item.peer]).standardOutput
    let expected = output.split { ",\n".contains($0) }.compactMap { UInt32($0) }
    let companions = files.map { Companion(kind: .tokenizer, name: $0, bytes: $1) }
    let tokenizer = try #require(try TokenizerFiles(companions, folder: "model").tokenizer())
    let addsSpecial = item.peer.contains("Processing")
    #expect(try tokenizer.encode(Array(Self.text.utf8), addsSpecial: addsSpecial).ids == expected)
    #expect(!expected.isEmpty)
  }

  @Test func `a mark that is no token is refused`() throws {
    var files = try ["vocab.json", "merges.txt"].map {
      Companion(kind: .tokenizer, name: $0, bytes: try Fixture.bytes("kjv-gpt2/\($0)"))
    }
    let settings = #"{"extra_special_tokens": ["<nowhere>"]}"#
    files.append(Companion(kind: .tokenizer, name: "tokenizer_config.json", bytes: Array(settings.utf8)))
    let error = #expect(throws: IngotError.self) { try TokenizerFiles(files, folder: "model").tokenizer() }
    guard case .malformed(let rule, _, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(rule == TokenizerRule.specialID.rule)
  }
}
