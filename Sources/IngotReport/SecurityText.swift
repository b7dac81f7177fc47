// SPDX-License-Identifier: Apache-2.0
// What files would make other programs run, for people and as JSON.
import IngotKit

/// Security reports as text and JSON.
package enum SecurityText {
  /// Calls and failures of a file that are shown; JSON has all.
  private static let shownCount = 100

  /// The lines of a report.
  ///
  /// - Parameters:
  ///   - report: the report.
  ///   - style: where the text goes.
  /// - Returns: the lines, the answer first.
  package static func lines(_ report: SecurityReport, style: TextStyle) -> [String] {
    var lines: [String] = []
    if report.files.count != 1 { lines = [summary(report, style)] }
    for file in report.files {
      // What a clean file names stands in JSON alone where there are several.
      let isShown = report.files.count == 1 || !file.survey.isClean
      let details = isShown ? details(file.survey, style) : []
      if !lines.isEmpty, !details.isEmpty, lines.last != "" { lines.append("") }
      lines.append(answer(file, style))
      lines += details
      if !details.isEmpty { lines.append("") }
    }
    if report.files.contains(where: \.survey.canNameCode) {
      if lines.last != "" { lines.append("") }
      lines.append("nothing was run")
    }
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  private static func summary(_ report: SecurityReport, _ style: TextStyle) -> String {
    let found = report.files.count { $0.survey.hasFindings }
    let clean = report.files.count(where: \.survey.isClean)
    let counts = [
      (found, "with findings"), (report.files.count - found - clean, "not read whole"),
      (clean, "clean"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    let answer = counts.isEmpty ? "no file" : counts.joined(separator: ", ")
    return "\(style.text(ErrorRenderer.name(report.path), .strong)): \(answer)"
  }

  /// One line: the file, what it is, and whether it is clean.
  private static func answer(_ file: SurveyedFile, _ style: TextStyle) -> String {
    let survey = file.survey
    let refused = survey.globals.filter { !$0.isAllowed }
    let answer =
      if !survey.code.isEmpty {
        style.text("code that other programs would run", .error)
      } else if !refused.isEmpty {
        style.text(
          "\(refused.count) of \(Count(survey.globals.count, "global")) \(refused.count == 1 ? "is" : "are") not on the allow-list",
          .error)
      } else if survey.hasFindings {
        style.text("calls of what it computes itself", .error)
      } else if !survey.failures.isEmpty {
        style.text("not all could be read", .error)
      } else {
        survey.hasPickles ? "everything it names is on the allow-list" : "nothing in it can name code"
      }
    return "\(style.text(ErrorRenderer.name(file.path), .strong))  \(file.content): \(answer)"
  }

  private static func details(_ survey: ContentSurvey, _ style: TextStyle) -> [String] {
    var lines: [String] = []
    for failure in survey.failures.prefix(shownCount) {
      lines.append(style.text("not read: ", .note) + ErrorRenderer.sentence(failure))
    }
    lines += more(survey.failures.count, style)
    for code in survey.code.prefix(shownCount) {
      let member = code.place.member.map { "  \(ErrorRenderer.name($0))" } ?? ""
      lines.append("\(style.text("code: ", .note))\(words(code.kind))\(member)")
    }
    lines += more(survey.code.count, style)
    if !survey.globals.isEmpty { lines += [""] + globals(survey, style).lines(style) }
    if !survey.calls.isEmpty {
      lines += ["", "would have called"] + survey.calls.prefix(shownCount).map(line)
    }
    return lines + more(survey.calls.count, style)
  }

  private static func more(_ count: Int, _ style: TextStyle) -> [String] {
    count > shownCount ? [style.text("… \(count - shownCount) more in --json", .dim)] : []
  }

  private static func words(_ kind: CodeKind) -> String {
    switch kind {
    case .python: "Python"
    case .source: "source of a program or script"
    case .bytecode: "byte code"
    case .native: "a program or library of the machine"
    case .torchScript: "TorchScript"
    case .tensorFlowGraph: "a graph of TensorFlow, whose operators may read and write files"
    case .customCode: "a config that has programs load Python code"
    case .configuredCall: "a config that names what is to be called"
    case .kerasLambda: "a Lambda layer of Keras, which is Python's byte code"
    case .template: "a template that reaches for what is inside Python"
    }
  }

  private static func globals(_ survey: ContentSurvey, _ style: TextStyle) -> TableLayout {
    var table = TableLayout([("", .left), ("global", .left), ("calls", .right), ("first named at", .left)])
    for global in survey.globals.sorted(by: { !$0.isAllowed && $1.isAllowed }) {
      table.add([
        global.isAllowed ? "allowed" : "refused", ErrorRenderer.name(global.name), String(global.callCount),
        place(global.place),
      ])
    }
    return table
  }

  private static func line(_ call: ContentSurvey.Call) -> String {
    let arguments = call.arguments.map { argument in
      argument.kind + (argument.value.map { " \"\(PrintableText.escaped($0, limit: 120))\"" } ?? "")
    }
    let name = call.global.map { ErrorRenderer.name($0) } ?? "the result of a call"
    return "  \(name)(\(arguments.joined(separator: ", ")))  \(place(call.place))"
  }

  private static func place(_ location: Location) -> String {
    let byte = "byte \(location.offset ?? 0)"
    return location.member.map { "\(ErrorRenderer.name($0)), \(byte)" } ?? byte
  }

  /// `ingot inspect --security --json`.
  package static func json(_ report: SecurityReport) -> String {
    JSONText.document([
      ("path", .string(report.path)), ("clean", .bool(report.isClean)),
      ("files", .array(report.files.map { .object(json($0)) })),
    ])
  }

  private static func json(_ file: SurveyedFile) -> Metadata {
    let survey = file.survey
    let status = survey.hasFindings ? "findings" : survey.isClean ? "clean" : "not all read"
    var object = Metadata([
      .init(key: "path", value: .string(file.path)), .init(key: "format", value: .string(file.content)),
      .init(key: "status", value: .string(status)), .init(key: "clean", value: .bool(survey.isClean)),
      .init(key: "can_name_code", value: .bool(survey.canNameCode)),
    ])
    object["failures"] = .array(
      survey.failures.map { .string(ErrorRenderer.sentence($0)) })
    guard survey.canNameCode else { return object }
    object["code"] = .array(
      survey.code.map { code in
        .object(Metadata([.init(key: "kind", value: .string(code.kind.rawValue))] + json(code.place)))
      })
    object["globals"] = .array(
      survey.globals.map { global in
        .object(
          Metadata(
            [
              .init(key: "name", value: .string(global.name)),
              .init(key: "allowed", value: .bool(global.isAllowed)),
              .init(key: "calls", value: .int64(Int64(global.callCount))),
            ] + json(global.place)))
      })
    object["calls"] = .array(
      survey.calls.map { call in
        .object(
          Metadata(
            [.init(key: "global", value: call.global.map { .string($0) } ?? .null)] + json(call.place) + [
              .init(key: "arguments", value: .array(call.arguments.map { .object(json($0)) }))
            ]))
      })
    return object
  }

  private static func json(_ place: Location) -> [Metadata.Entry] {
    [
      .init(key: "member", value: place.member.map { .string($0) } ?? .null),
      .init(key: "offset", value: .int64(Int64(place.offset ?? 0))),
    ]
  }

  private static func json(_ argument: ContentSurvey.Argument) -> Metadata {
    Metadata([
      .init(key: "kind", value: .string(argument.kind)),
      .init(key: "value", value: argument.value.map { .string($0) } ?? .null),
    ])
  }
}
