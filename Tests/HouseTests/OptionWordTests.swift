// SPDX-License-Identifier: Apache-2.0
// Whose words are whose: what is below IngotReport is a library's, whose users know no `--dtype` and no `ingot convert`.
// There, options, verbs and remedies are values.
import IngotTestSupport
import Testing

@Suite struct OptionWordTests {
  static let library = Fixture.files(under: "Sources", suffix: ".swift").filter {
    !$0.hasPrefix("Sources/IngotReport/") && !$0.hasPrefix("Sources/IngotCommand/")
  }

  @Test(arguments: library)
  func `no literal below the report names an option or a command`(_ path: String) throws {
    for line in try Fixture.packageText(path).split(separator: "\n") {
      let code = line.drop { $0 == " " }
      guard !code.hasPrefix("//"), code.contains("\"") else { continue }
      let word = code.firstMatch(
        of:
          /--[a-z]|\bingot (?:convert|corpus|diff|edit|eval|formats|generate|graph|hash|init|inspect|merge|quantize|record|report|sensitivity|show|tokenize|validate|verify|zero-shot)\b/
      )
      #expect(word == nil, "\(path): RequestOption, Verb or Remedy instead of \"\(code)\"")
    }
  }
}
