"use strict";
// Filters, sorting, links that open what they point to, the colours, and printing.
(() => {
  const find = (id) => document.getElementById(id);
  const list = find("list");
  const entries = [...list.children];
  const faults = [...(find("faults")?.rows ?? [])];
  const failing = new Set(find("filters").dataset.failing.split(" "));
  const textOf = new Map([...entries, ...faults].map((item) => {
    const shown = item.matches("details") ? item.querySelector("summary") : item;
    return [item, shown.textContent.toLowerCase()];
  }));

  // Filters: an item has pairs of an engine and a verdict, as numbers, and kinds of point.
  const has = (item, engine, verdict) => item.dataset.v.split(" ").some((pair) => {
    const [e, v] = pair.split(":");
    const isVerdict = verdict === "" || (verdict === "failing" ? failing.has(v) : v === verdict);
    return isVerdict && (engine === "" || e === engine);
  });
  function filter() {
    const [text, verdict, engine, kind] = ["text", "verdict", "engine", "kind"].map((id) => find(id).value);
    const wanted = text.trim().toLowerCase();
    const isShown = (item) => textOf.get(item).includes(wanted)
      && (verdict + engine === "" || has(item, engine, verdict))
      && (kind === "" || item.dataset.k.split(" ").includes(kind));
    for (const item of [...entries, ...faults]) item.hidden = !isShown(item);
    const count = entries.filter((item) => !item.hidden).length;
    find("shown").textContent = `${count} of ${entries.length} expressions shown`;
  }

  // Sorting: numbers by value and texts by the alphabet; a second click turns the order round.
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  const sorted = (items, key, isDown) => [...items].map((item) => [item, key(item)])
    .sort((a, b) => (isDown ? compare(b[1], a[1]) : compare(a[1], b[1]))).map(([item]) => item);
  const keys = {
    name: (item) => item.querySelector("h3").textContent,
    verdict: (item) => -item.dataset.g,
    points: (item) => -item.dataset.p,
    kinks: (item) => -item.dataset.n,
  };
  function sortList(button) {
    const isDown = button.getAttribute("aria-pressed") === "true" && !button.classList.contains("down");
    for (const other of find("order").children) other.setAttribute("aria-pressed", String(other === button));
    button.classList.toggle("down", isDown);
    list.append(...sorted(entries, keys[button.dataset.key], isDown));
  }
  function cellKey(index) {
    return (row) => {
      const text = row.cells[index].textContent.trim();
      const number = Number.parseFloat(text.replace("[", ""));
      return Number.isNaN(number) ? text : number;
    };
  }
  function sortTable(heading) {
    const isDown = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const body = heading.closest("table").tBodies[0];
    body.append(...sorted(body.rows, cellKey(heading.cellIndex), isDown));
  }
  function makeSortable(part) {
    for (const heading of part.querySelectorAll("table.sortable thead th:not(:has(button))")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortTable(heading));
    }
  }

  // Links: open what the address points to, even if a filter hides it.
  function follow() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* it is not encoded */ }
    const target = name && find(name);
    const entry = target && target.closest("details.expression");
    if (!entry) return;
    if (entry.hidden) { find("filters").reset(); filter(); }
    entry.open = true;
    target.scrollIntoView({ block: target === entry ? "start" : "center" });
    (target === entry ? target.querySelector("summary") : target.querySelector("a") ?? target).focus({ preventScroll: true });
  }

  // Colours: those of the system until the button is used.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const nameButton = () => { find("theme").textContent = isDark() ? "Light" : "Dark"; };
  find("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameButton();
  });
  dark.addEventListener("change", nameButton);

  // Printing opens what the filters show, and closes it again.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = entries.filter((item) => !item.hidden && !item.open);
    for (const item of opened) item.open = true;
  });
  addEventListener("afterprint", () => { for (const item of opened) item.open = false; });

  for (const id of ["text", "verdict", "engine", "kind"]) find(id).addEventListener("input", filter);
  find("filters").addEventListener("reset", () => setTimeout(filter));
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("open").addEventListener("click", () => { for (const item of entries) item.open ||= !item.hidden; });
  find("close").addEventListener("click", () => { for (const item of entries) item.open = false; });
  for (const button of find("order").children) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => sortList(button));
  }
  for (const table of document.querySelectorAll("main > section > .scroll")) makeSortable(table);
  list.addEventListener("toggle", (event) => { if (event.target.open) makeSortable(event.target); }, true);
  for (const item of entries) if (item.open) makeSortable(item);
  find("theme").hidden = false;
  for (const id of ["filters", "order"]) find(id).hidden = entries.length < 2;
  addEventListener("hashchange", follow);
  nameButton();
  filter();
  // After the browser's own jump, which would take the focus.
  addEventListener("load", () => setTimeout(follow));
})();
