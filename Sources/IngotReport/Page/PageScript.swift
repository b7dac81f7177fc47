// SPDX-License-Identifier: Apache-2.0
// What a page does beyond being read: it searches, sorts, changes its theme, and opens what is folded for printing. All of its
// content is there without.

/// The page's script.
enum PageScript {
  /// The whole script; it adds nothing but what its reader asks for.
  static let source: HTML = #"""
    (() => {
      "use strict";
      const root = document.documentElement, table = document.getElementById("tensors");
      const find = document.getElementById("find"), told = document.getElementById("found");
      const theme = document.getElementById("theme");
      for (const tool of document.querySelectorAll(".bar [hidden]")) tool.hidden = false;

      const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      const name = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
      theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
      name();

      const open = body => { const details = body && body.querySelector(".more details"); if (details) details.open = true; };
      const visit = () => { if (/^#f\d+$/.test(location.hash)) open(document.getElementById(location.hash.slice(1))); };
      addEventListener("hashchange", visit);
      visit();

      let closed = [];
      addEventListener("beforeprint", () => { closed = [...document.querySelectorAll("details:not([open])")]; for (const item of closed) item.open = true; });
      addEventListener("afterprint", () => { for (const item of closed) item.open = false; closed = []; });

      if (!table) return;
      const bodies = [...table.tBodies].map(body => {
        const [first, second] = body.rows;
        const members = [...second.querySelectorAll(".members > tbody > tr")].map(row => ({ row, text: row.cells[0].textContent.toLowerCase() }));
        return { body, first, details: second.querySelector("details"), members, text: [...first.cells].slice(0, 3).map(cell => cell.textContent).join(" ").toLowerCase() };
      });
      // A shape may be typed as 128x384.
      const shapes = text => text.replace(/(\d)\s*[x×]\s*(?=\d)/g, "$1 × ");
      const search = () => {
        const typed = find.value.toLowerCase();
        const ways = [typed, shapes(typed)].map(text => text.split(/\s+/).filter(Boolean));
        const fits = text => ways.some(words => words.every(word => text.includes(word)));
        let count = 0;
        for (const item of bodies) {
          const whole = fits(item.text);
          let some = 0;
          for (const member of item.members) {
            const shown = whole || fits(member.text);
            member.row.hidden = !shown;
            if (shown) some += 1;
          }
          item.body.hidden = !(whole || some);
          if (item.body.hidden) continue;
          count += 1;
          if (!whole && item.details) item.details.open = true;
        }
        told.textContent = ways[0].length ? `${count} of ${bodies.length} rows` : "";
      };
      find.addEventListener("input", search);
      find.addEventListener("keydown", event => { if (event.key === "Escape" && find.value) { find.value = ""; search(); event.preventDefault(); } });
      document.addEventListener("keydown", event => {
        if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
        event.preventDefault();
        find.focus();
      });
      if (find.value) search();

      const value = (item, column) => {
        const cell = item.first.cells[column], number = cell.dataset.v;
        return number !== undefined ? Number(number) : cell.classList.contains("n") ? null : cell.textContent.trim();
      };
      const order = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1
        : typeof a === "number" && typeof b === "number" ? (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b)
        : String(a).localeCompare(String(b), "en", { numeric: true });
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => {
        if ("unordered" in head.dataset) return;
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const first = head.classList.contains("n") ? "descending" : "ascending";
          const next = !head.ariaSort ? first : head.ariaSort === first ? (first === "ascending" ? "descending" : "ascending") : null;
          for (const other of heads) other.removeAttribute("aria-sort");
          const sign = next === "descending" ? -1 : 1;
          const sorted = next === null ? bodies : [...bodies].sort((a, b) => {
            const x = value(a, column), y = value(b, column);
            return x === null || y === null ? order(x, y) : sign * order(x, y);
          });
          if (next) head.setAttribute("aria-sort", next);
          table.append(...sorted.map(item => item.body));
        });
      });
    })();
    """#
}
