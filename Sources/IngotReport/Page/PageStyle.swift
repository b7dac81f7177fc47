// SPDX-License-Identifier: Apache-2.0
// How a page looks: in light and dark, on narrow and wide screens, and printed.

/// The page's style sheet.
enum PageStyle {
  /// What colours are called in one theme.
  private static let light: HTML = """
    color-scheme:light;--page:#f6f6f3;--panel:#fff;--text:#1c1f24;--dim:#5a616b;--line:#dcdfe3;--soft:#eef0f2;--accent:#1d54b5;--bad:#b3261e;--hist:#4a76b8;--embedding:#bcd5f4;--attention:#f8d3a6;--feedForward:#c0e3c4;--norm:#e4cbee;--other:#d6d9de;--none:#f3f4f6;
    """
  private static let dark: HTML = """
    color-scheme:dark;--page:#14161a;--panel:#1c1f25;--text:#e5e7eb;--dim:#a2a9b4;--line:#343a43;--soft:#252a31;--accent:#8ab4ff;--bad:#ff8a80;--hist:#7ea6e0;--embedding:#2a4a77;--attention:#704a1d;--feedForward:#2a5a35;--norm:#593a69;--other:#444b56;--none:#262b33;
    """

  /// The whole sheet.
  static let sheet: HTML = """
    :root{\(light)}
    @media(prefers-color-scheme:dark){:root:not([data-theme=light]){\(dark)}}
    :root[data-theme=dark]{\(dark)}
    *{box-sizing:border-box}
    html{scroll-padding-top:4.5rem}
    body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
    .wrap{max-width:86rem;margin:0 auto;padding:0 1.25rem}
    header{padding:1.6rem 0 .6rem}
    h1{font-size:1.55rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
    h2{font-size:1.12rem;margin:0 0 .7rem}
    h3{font-size:.95rem;margin:1.2rem 0 .4rem}
    p{margin:.35rem 0;max-width:75ch;overflow-wrap:anywhere}
    code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.9em;overflow-wrap:anywhere}
    a{color:var(--accent)}
    .dim,.cut{color:var(--dim)}
    .cut{font-style:italic}
    .bad{color:var(--bad);font-weight:600}
    .note{color:var(--dim);border-left:3px solid var(--line);padding-left:.7rem}
    .bar{position:sticky;top:0;z-index:2;background:var(--page);border-bottom:1px solid var(--line)}
    .bar .wrap{display:flex;flex-wrap:wrap;gap:.35rem 1rem;align-items:center;padding-top:.55rem;padding-bottom:.55rem}
    nav{display:flex;flex-wrap:wrap;gap:.15rem .9rem;flex:1}
    nav a{text-decoration:none}
    nav a:hover{text-decoration:underline}
    button,input{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.22rem .6rem}
    button{cursor:pointer}
    :focus-visible{outline:2px solid var(--accent);outline-offset:2px}
    section{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:1rem 1.15rem;margin:1rem 0}
    .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;margin:0 0 .9rem;padding:0}
    .facts div{background:var(--soft);border-radius:8px;padding:.5rem .75rem}
    .facts dt{color:var(--dim);font-size:.82rem}
    .facts div{min-width:0}
    .facts dd{margin:0;overflow-wrap:anywhere;font-size:1.2rem;font-weight:600;font-variant-numeric:tabular-nums}
    .columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:0 2rem}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;font-size:.87rem;font-variant-numeric:tabular-nums}
    th,td{padding:.28rem .55rem;text-align:left;vertical-align:middle;white-space:nowrap}
    .nb{white-space:nowrap}
    #tensors th,#tensors td{padding:.28rem .38rem}
    #tensors thead th{white-space:normal}
    thead th{color:var(--dim);font-weight:500;border-bottom:1px solid var(--line);vertical-align:bottom}
    thead button{border:0;background:none;padding:0;color:inherit;font-weight:inherit}
    thead button{text-align:inherit}
    thead button::after{content:"↕";content:"↕"/"";opacity:.35;margin-left:.15em;font-size:.85em}
    th[aria-sort=ascending] button::after{content:"↑";content:"↑"/"";opacity:1}
    th[aria-sort=descending] button::after{content:"↓";content:"↓"/"";opacity:1}
    tbody th{font-weight:400;font-size:.93em;font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;white-space:normal;overflow-wrap:anywhere;min-width:min(15rem,45vw);max-width:30rem}
    .n{text-align:right}
    .plain td,.plain th{border-bottom:1px solid var(--line)}
    .plain td:last-child:not(.n){white-space:normal;overflow-wrap:break-word;min-width:8rem}
    .plain code{overflow-wrap:break-word}
    #tensors{width:100%}
    #tensors>tbody{border-bottom:1px solid var(--line)}
    #tensors>tbody:hover>tr:first-child{background:var(--soft)}
    #tensors>tbody:target>tr:first-child{background:var(--soft);box-shadow:inset 3px 0 var(--accent)}
    .times{color:var(--dim);font-family:inherit;white-space:nowrap}
    .more>td{padding:0 .6rem .35rem;white-space:normal}
    .more details{font-size:.95em;max-width:70rem}
    .members tbody th{min-width:min(17rem,45vw)}
    .members thead th{min-width:0;font:inherit}
    .members td:last-child{white-space:normal;min-width:14rem}
    summary{cursor:pointer;color:var(--dim);width:max-content;max-width:100%}
    details[open]>summary{margin-bottom:.3rem}
    .hist{display:block;width:104px;height:26px}
    .hist path,.large use{fill:var(--hist)}
    .hist .zero,.large .zero{fill:none;stroke:var(--dim);stroke-width:1;stroke-dasharray:2 2;vector-effect:non-scaling-stroke}
    .axis{margin:.4rem 0 .8rem;max-width:34rem}
    .large{display:block;width:100%;height:110px;border-bottom:1px solid var(--dim)}
    .ticks{position:relative;display:flex;justify-content:space-between;color:var(--dim);font-size:.85em}
    .ticks span[style]{position:absolute;transform:translateX(-50%)}
    .treemap{display:block;width:100%;min-width:44rem;border-radius:6px}
    .treemap rect{stroke:var(--panel);stroke-width:1.5}
    .treemap .divide{stroke:var(--panel);stroke-width:.6;opacity:.8;fill:none}
    .treemap text{font-size:12px;fill:var(--text);pointer-events:none}
    .treemap .size{fill:var(--text);opacity:.75}
    .treemap a:hover rect{filter:brightness(1.08)}
    .treemap a:focus-visible{outline:none}
    .treemap a:focus-visible rect{stroke:var(--accent);stroke-width:3}
    .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;padding:0;margin:.6rem 0 0}
    .key{display:inline-block;width:.85em;height:.85em;border-radius:3px;margin-right:.4em;vertical-align:-.08em}
    .k-embedding{fill:var(--embedding);background:var(--embedding)}
    .k-attention{fill:var(--attention);background:var(--attention)}
    .k-feedForward{fill:var(--feedForward);background:var(--feedForward)}
    .k-norm{fill:var(--norm);background:var(--norm)}
    .k-other{fill:var(--other);background:var(--other)}
    .k-none{fill:var(--none);background:var(--none)}
    .graph{display:block;max-width:none;height:auto;margin:0 auto}
    .graph text{font-size:12.5px;fill:var(--text)}
    .graph .op{text-anchor:end;fill:var(--text);opacity:.75}
    .graph .tag{fill:var(--dim)}
    .graph .node{stroke:var(--line)}
    rect.frame{fill:none;stroke:var(--dim);stroke-dasharray:5 4}
    text.frame{font-weight:600}
    .edge{fill:none;stroke:var(--dim);stroke-width:1.3;marker-end:url(#arrow)}
    #arrow path{fill:var(--dim)}
    .findings{padding-left:1.1rem;margin:.3rem 0}
    footer{color:var(--dim);padding:.3rem 0 2rem;font-size:.88rem}
    .skip{position:absolute;left:-999rem}
    .skip:focus{left:1rem;top:.5rem;z-index:3;background:var(--panel);padding:.3rem .7rem}
    .unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    @media(max-width:40rem){nav{flex:1 0 100%}.wrap{padding:0 .7rem}section{padding:.8rem .7rem}.bar{position:static}html{scroll-padding-top:.5rem}.facts{grid-template-columns:repeat(2,1fr)}tbody th{min-width:9rem}}
    @media print{:root:root:root{\(light)}@page{size:A4 landscape;margin:10mm}body{background:#fff;font-size:10px}.bar,.skip{display:none}.wrap{max-width:none;padding:0}section{border:0;padding:0;break-inside:auto}h2,h3{break-after:avoid}tr,figure,svg{break-inside:avoid}.scroll{overflow:visible}table{font-size:8px}th,td{padding:.12rem .3rem}tbody th,.members tbody th{min-width:0;max-width:20rem}.treemap{min-width:0}.graph{max-width:100%;max-height:180mm}.hist{width:80px;height:18px}details::details-content{content-visibility:visible;display:block;height:auto}summary{display:none}.axis{display:none}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
    @media(prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
    @media(forced-colors:active){.hist path,.large use{fill:CanvasText}.treemap rect,.node,.key{forced-color-adjust:none}}
    """
}
