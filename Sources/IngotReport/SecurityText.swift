// SPDX-License-Identifier: Apache-2.0
// What a checkpoint would have called, for people and as JSON.
import IngotKit

/// Security reports as text and JSON.
public enum SecurityText {
  /// The lines of a report.
  ///
  /// - Parameters:
  ///   - report: the report.
  ///   - style: where the text goes.
  /// - Returns: the lines, the answer first.
  public static func lines(_ report: SecurityReport, style: TextStyle) -> [String] {
    report.files.flatMap { lines($0, style: style) }
  }

  private static func lines(_ file: SecurityReport.File, style: TextStyle) -> [String] {
    let head = "\(style.text(ErrorRenderer.name(file.path), .strong))  \(file.format)"
    guard let survey = file.survey else { return ["\(head): nothing in this format can name code"] }
    let refused = survey.globals.filter { !$0.isAllowed }
    let answer =
      refused.isEmpty
      ? survey.failures.isEmpty
        ? "everything it names is on the allow-list" : style.text("not all could be read", .error)
      : style.text(
        "\(refused.count) of \(Count(survey.globals.count, "global")) \(refused.count == 1 ? "is" : "are") not on the allow-list",
        .error)
    var lines = ["\(head): \(answer)"]
    for failure in survey.failures {
      let text = ErrorRenderer.lines(failure, isVerbose: false).first ?? ""
      lines.append(style.text("the list ends early: ", .note) + text)
    }
    if !survey.globals.isEmpty { lines += [""] + globals(survey, style).lines(style) }
    if !survey.calls.isEmpty { lines += ["", "would have called"] + survey.calls.prefix(100).map(line) }
    if survey.calls.count > 100 {
      lines.append(style.text("… \(survey.calls.count - 100) more in --json", .dim))
    }
    return lines + ["", "nothing was run"]
  }

  private static func globals(_ survey: PickleSurvey, _ style: TextStyle) -> TableLayout {
    var table = TableLayout([("", .left), ("global", .left), ("calls", .right), ("first named at", .left)])
    for global in survey.globals.sorted(by: { !$0.isAllowed && $1.isAllowed }) {
      table.add([
        global.isAllowed ? "allowed" : "refused", ErrorRenderer.name(global.name), String(global.callCount),
        place(global.place),
      ])
    }
    return table
  }

  private static func line(_ call: PickleSurvey.Call) -> String {
    let arguments = call.arguments.map { argument in
      argument.kind + (argument.value.map { " \"\(TextStyle.printable($0, limit: 120))\"" } ?? "")
    }
    let name = call.global.map { ErrorRenderer.name($0) } ?? "the result of a call"
    return "  \(name)(\(arguments.joined(separator: ", ")))  \(place(call.place))"
  }

  private static func place(_ location: Location) -> String {
    let byte = "byte \(location.offset ?? 0)"
    return location.member.map { "\(ErrorRenderer.name($0)), \(byte)" } ?? byte
  }

  /// `ingot inspect --security --json`.
  public static func json(_ report: SecurityReport) -> String {
    JSONText.document([
      ("path", .string(report.path)), ("clean", .bool(report.isClean)),
      ("files", .array(report.files.map { .object(json($0)) })),
    ])
  }

  private static func json(_ file: SecurityReport.File) -> Metadata {
    var object = Metadata([
      .init(key: "path", value: .string(file.path)), .init(key: "format", value: .string(file.format)),
      .init(key: "can_name_code", value: .bool(file.survey != nil)),
    ])
    guard let survey = file.survey else { return object }
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
    object["failures"] = .array(
      survey.failures.map { .string(ErrorRenderer.lines($0, isVerbose: false).first ?? "") })
    return object
  }

  private static func json(_ place: Location) -> [Metadata.Entry] {
    [
      .init(key: "member", value: place.member.map { .string($0) } ?? .null),
      .init(key: "offset", value: .int64(Int64(place.offset ?? 0))),
    ]
  }

  private static func json(_ argument: PickleSurvey.Argument) -> Metadata {
    Metadata([
      .init(key: "kind", value: .string(argument.kind)),
      .init(key: "value", value: argument.value.map { .string($0) } ?? .null),
    ])
  }
}
