// SPDX-License-Identifier: Apache-2.0
// The parser's completion scripts, with what they lack: values that hold a colon, values behind an option's equals sign, and
// the commands that help takes. What is looked for stands in a script of one shell only.

/// A shell's completion script as the parser makes it, mended.
enum CompletionScript {
  /// Mends a script; any other text stays as it is.
  ///
  /// - Parameters:
  ///   - text: the script.
  ///   - commands: the commands, for help.
  /// - Returns: the script as it is printed.
  static func mended(_ text: String, commands: [String]) -> String {
    let words = commands.joined(separator: " ")
    if text.hasPrefix("#!/bin/bash\n") { return bash(text, words) }
    if text.hasPrefix("#compdef ") { return zsh(text, words) }
    guard text.hasPrefix("function __ingot_") else { return text }
    return text + (text.hasSuffix("\n") ? "" : "\n") + """
      complete -c 'ingot' -n '__ingot_should_offer_completions_for_positional "ingot help" -eq 1' -fa '\(words)'

      """
  }

  private static func bash(_ text: String, _ commands: String) -> String {
    // Where bash is told no words, its own completion of files holds.
    text.replacing(
      "\ncomplete -o filenames -F _ingot ingot",
      with: "\n\(bashWords)\ncomplete -o default -o filenames -F __ingot_whole_words ingot"
    )
    .replacing(
      "__ingot_add_completions() {\n",
      with: """
        __ingot_add_completions() {
            # Values are no paths, in which a colon would be escaped.
            [[ "${1}" = -W ]] && compopt +o filenames

        """
    )
    .replacing(
      /\n_ingot_help\(\) \{\n(?<body>(?:    .*\n)*)\}\n/,
      with: { match in
        """

        _ingot_help() {
        \(match.body)
            [[ "${positional_number}" -eq 1 ]] && COMPREPLY+=($(compgen -W '\(commands)' -- "${cur}"))
        }

        """
      })
  }

  /// What is asked by bash in place of the parser's function.
  private static let bashWords = """
    # bash cuts words at each colon and equals sign; here they are whole, and what it has cut off is cut off the answers.
    __ingot_whole_words() {
        local rest="${COMP_LINE::${COMP_POINT}}" end='' piece space
        local -i index
        local -a words=()
        for ((index = 0; index <= COMP_CWORD; index++)); do
            space="${rest%%[![:space:]]*}"
            rest="${rest#"${space}"}"
            piece="${COMP_WORDS[index]}"
            [[ "${index}" -eq "${COMP_CWORD}" ]] && piece="${rest}"
            rest="${rest#"${piece}"}"
            if [[ "${index}" -gt 0 && -z "${space}" && ("${piece}" = [:=]* || "${end}" = [:=]) ]]; then
                words[${#words[@]} - 1]+="${piece}"
            else
                words+=("${piece}")
            fi
            [[ -n "${piece}" ]] && end="${piece: -1}"
        done

        local -a COMP_WORDS=()
        for piece in "${words[@]}"; do
            if [[ "${piece}" = --*=* ]]; then
                COMP_WORDS+=("${piece%%=*}" "${piece#*=}")
            else
                COMP_WORDS+=("${piece}")
            fi
        done
        local -i COMP_CWORD="$((${#COMP_WORDS[@]} - 1))"
        local whole="${2}"
        if [[ "${COMP_WORDS[COMP_CWORD]}" = *[:=]* || "${words[${#words[@]} - 1]}" = --*=* ]]; then
            whole="${COMP_WORDS[COMP_CWORD]}"
        fi

        _ingot "${1}" "${whole}" "${COMP_WORDS[COMP_CWORD - 1]}"
        [[ "${whole}" = *"${2}" ]] && COMPREPLY=("${COMPREPLY[@]#"${whole%"${2}"}"}")
    }

    """

  private static func zsh(_ text: String, _ commands: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { (line) -> Substring in
      // What is behind a value's colon would be its description.
      if line.hasPrefix("    local -ar ___") { return line.replacing(":", with: "\\:") }
      let isOfValue = line.contains("]:")
      // A value may be in the option's own word, behind an equals sign.
      if isOfValue, let match = line.prefixMatch(of: /\x20{8}'\*?--[a-z0-9-]+(?=\[)/) {
        return "\(match.output)=\(line[match.range.upperBound...])"
      }
      if isOfValue, let match = line.prefixMatch(of: /\x20{8}'[^']*'\{--[a-z0-9-]+(?=,)/) {
        return "\(match.output)=\(line[match.range.upperBound...])"
      }
      return line.replacing("'*:subcommands:'", with: "':command:(\(commands))'")
    }
    return lines.joined(separator: "\n")
  }
}
