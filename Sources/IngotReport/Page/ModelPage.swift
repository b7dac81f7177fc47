// SPDX-License-Identifier: Apache-2.0
// A report as one page of HTML that asks for nothing from anywhere: its style, drawings and script are inside, and all that it
// says is there without the script. The same report gives the same bytes.
import IngotGraph
import IngotKit

/// Reports as pages.
package enum ModelPage {
  /// Bytes that a page's parts take at the most; with its style and its script they are less than 2 MB.
  private static let byteLimit = 1_950_000

  /// The page of a report, in UTF-8 without anything that is not ASCII or a printable character.
  package static func html(_ report: ModelReport) -> String {
    let name = PageName.short(report.inspection.path)
    let against: HTML = report.other.map { "<p>against <code>\(PageName.short($0))</code></p>" } ?? ""
    let overview = PageSections.overview(report)
    let others = [
      report.graph.map { graph in
        let figure = GraphFigure(graph)
        return PageSection(id: "graph", title: "Graph", content: figure.html + figure.table)
      }, PageSections.quantization(report), PageSections.evaluation(report),
      PageSections.difference(report),
    ].compactMap(\.self)
    // The table takes what is left, and is made before the drawing that leads to its rows.
    let drawing = TreemapFigure(report)
    let taken = ([overview] + others).reduce(drawing.html { "f\($0)" }.byteCount) {
      $0 + $1.content.byteCount
    }
    var tensors = TensorTable(report)
    let table = tensors.html(byteLimit: max(0, byteLimit - taken))
    let sizes = drawing.html(anchor: tensors.anchor)
    let sections =
      [overview, PageSection(id: "sizes", title: "Sizes", content: sizes)] + others
      + [PageSection(id: "tensor-table", title: "Tensors", content: table)]
    let links = sections.map { section -> HTML in "<a href=\"#t-\(section.id)\">\(section.title)</a>" }
    return page(
      title: PageName.plain(report.inspection.path),
      body: """
        <a class=skip href="#t-overview">Skip to the report</a>
        <div class=wrap><header><h1>\(name)</h1>\(against)</header></div>
        <div class=bar><div class=wrap><nav aria-label="Parts of the report">\(HTML(links))</nav><label hidden><span class=unseen>Search tensors by name, type or shape</span><input id=find type=search placeholder="Search tensors ( / )" autocomplete=off spellcheck=false></label><span id=found role=status class=dim></span><button id=theme type=button hidden>Theme</button></div></div>
        <main class=wrap>\(HTML(sections.map(\.html)))</main>
        <footer class=wrap><p>Made by <code>ingot report</code>. Values of quantized tensors are those that they stand for. A histogram's height is how many values there are for a piece of its axis; a place with few values is drawn one line high. Outliers are values beyond \(Int(ReportOptions.outlierDeviations)) standard deviations from the mean, and rows and columns whose largest magnitude is over \(Int(OutlierChannels.factor)) times the median one's.</p></footer>
        """
    ).source
  }

  /// What every page has.
  private static func page(title: HTML, body: HTML) -> HTML {
    """
    <!DOCTYPE html>
    <html lang=en>
    <head>
    <meta charset=utf-8>
    <meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <meta name=viewport content="width=device-width, initial-scale=1">
    <meta name=referrer content=no-referrer>
    <title>\(title)</title>
    <style>\(PageStyle.sheet)</style>
    </head>
    <body>
    \(body)
    <script>\(PageScript.source)</script>
    </body>
    </html>

    """
  }
}
