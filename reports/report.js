"use strict";
// Rows come from the data block. Nothing is ever parsed as HTML: text is set through textContent only.
const data = JSON.parse(document.getElementById("data").textContent);
const PAGE = 100;
const rank = new Map(data.severities.map((name, place) => [name, place]));
const BADGES = new Set(["severity", "strength", "new"]);
const MONO = new Set(["path", "symbol", "target", "filename", "library", "example"]);
const SHORT = new Set(["severity", "strength", "confidence", "architecture", "rule", "algorithm", "context", "role", "mode", "stage", "kind", "new"]);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = String(text);
  if (className) made.className = className;
  return made;
}

function cell(key, value) {
  const made = element("td");
  made.className = "c-" + key;
  if (typeof value === "number") made.classList.add("num");
  else if (SHORT.has(key) && String(value ?? "").length < 40) made.classList.add("key");
  if (value === null || value === "") return made;
  if (BADGES.has(key)) made.append(element("span", value, "badge " + value));
  else if (MONO.has(key)) made.append(element("span", value, "mono"));
  else made.textContent = String(value);
  return made;
}

function compare(key, left, right) {
  if (key === "severity") return rank.get(left) - rank.get(right);
  if (left === null || left === "") return right === null || right === "" ? 0 : 1;
  if (right === null || right === "") return -1;
  if (typeof left === "number" && typeof right === "number") return left - right;
  return left < right ? -1 : left > right ? 1 : 0;
}

function sites(evidence) {
  const list = Array.isArray(evidence.sites) ? evidence.sites : [];
  const keys = [...new Set(list.flatMap((site) => (site && typeof site === "object" ? Object.keys(site) : [])))];
  if (!list.length || !keys.length) return Object.keys(evidence).length ? element("pre", JSON.stringify(evidence, null, 1)) : null;
  const made = element("table");
  const head = element("tr");
  for (const key of keys) head.append(element("th", key));
  made.append(element("thead"), element("tbody"));
  made.tHead.append(head);
  for (const site of list) {
    const row = element("tr");
    for (const key of keys) {
      const value = site[key];
      row.append(element("td", value !== null && typeof value === "object" ? JSON.stringify(value) : value, "mono"));
    }
    made.tBodies[0].append(row);
  }
  return made;
}

function located(details, columns) {
  const box = element("td");
  box.colSpan = columns.length;
  const found = sites(details.evidence);
  if (found) box.append(element("h4", "Evidence"), found);
  if (details.evidence.truncated) box.append(element("p", "The first of " + details.evidence.count + " places.", "soft"));
  const made = element("tr", null, "detail");
  made.append(box);
  return made;
}

function described(row, details, columns) {
  const rule = data.rules[row[columns.findIndex((column) => column.key === "rule")]] || { title: "", why: "", fix: "", fix_for: {}, references: [] };
  const box = element("td");
  box.colSpan = columns.length;
  const add = (heading, node) => { if (node) box.append(element("h4", heading), node); };
  box.append(element("b", rule.title));
  add("Why it matters", rule.why ? element("p", rule.why) : null);
  const fix = rule.fix_for[details.fix_where] ?? rule.fix;
  add("What to do", fix ? element("p", fix) : null);
  add("Where to fix it", details.fix_where ? element("p", details.fix_where) : null);
  const override = details.evidence.override;
  if (override) {
    const words = "lintian override: " + [override.tag, override.context].filter(Boolean).join(" ");
    const effect = override.ignored ? "It changes nothing: " + override.ignored + "." : "Without it: " + override.severity + ".";
    add("The maintainer's word", element("p", [words, override.comment, effect].filter(Boolean).join("\n"), "mono"));
  }
  add("Evidence", sites(details.evidence));
  if (details.evidence.truncated) box.append(element("p", "The first of " + details.evidence.count + " places.", "soft"));
  add("References", rule.references.length ? element("p", rule.references.join("\n"), "mono") : null);
  add("Identity", element("p", "source " + (details.source ?? "unknown") + ", subject " + details.subject + ", fingerprint " + details.fingerprint, "mono soft"));
  add("The code", element("p", "archscan explain " + details.fingerprint.slice(0, 12), "mono"));
  const made = element("tr", null, "detail");
  made.append(box);
  return made;
}

function table(name, spec) {
  const root = document.getElementById(name + "-table");
  if (!root || !spec.rows.length) return null;
  const place = new Map(spec.columns.map((column, number) => [column.key, number]));
  const state = { text: "", chosen: new Map(), sort: null, down: false, page: 0, order: spec.rows.map((_, number) => number) };
  const haystacks = [];
  const haystack = (number) => (haystacks[number] ??= spec.rows[number].map((value) => value ?? "").join("\n").toLowerCase());

  const tools = element("div", null, "tools");
  const search = element("input");
  search.type = "search";
  search.placeholder = "Filter…";
  search.setAttribute("aria-label", "Filter the rows by text");
  tools.append(search);
  const selects = new Map();
  for (const key of spec.choices) {
    const column = place.get(key);
    const tally = new Map();
    for (const row of spec.rows) if (row[column] !== null && row[column] !== "") tally.set(row[column], (tally.get(row[column]) || 0) + 1);
    if (tally.size < 2 && !(key === "new" && tally.size)) continue;
    const select = element("select");
    const label = spec.columns[column].label;
    select.setAttribute("aria-label", label);
    select.append(new Option(key === "new" ? "New and old" : label + ": all", ""));
    for (const value of [...tally.keys()].sort((left, right) => compare(key, left, right)).slice(0, 500)) select.append(new Option(value + " (" + tally.get(value) + ")", value));
    select.addEventListener("change", () => choose(key, select.value));
    selects.set(key, select);
    tools.append(select);
  }
  const clear = element("button", "Clear");
  clear.type = "button";
  clear.addEventListener("click", () => {
    search.value = state.text = "";
    state.chosen.clear();
    for (const select of selects.values()) select.value = "";
    refresh();
  });
  const shown = element("span", null, "soft");
  shown.setAttribute("role", "status");
  tools.append(clear, shown);

  const body = root.tBodies[0];
  const headings = [...root.tHead.rows[0].cells];
  headings.forEach((heading, number) => {
    const button = element("button", heading.textContent);
    button.type = "button";
    button.addEventListener("click", () => {
      state.down = state.sort === number ? !state.down : false;
      state.sort = number;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      refresh();
    });
    heading.replaceChildren(button);
  });

  const pager = element("div", null, "pager");
  const back = element("button", "‹ Back");
  const next = element("button", "Next ›");
  const where = element("span", null, "soft");
  back.type = next.type = "button";
  back.addEventListener("click", () => { state.page -= 1; draw(); });
  next.addEventListener("click", () => { state.page += 1; draw(); });
  pager.append(back, where, next);

  function choose(key, value) {
    if (value) state.chosen.set(key, value); else state.chosen.delete(key);
    if (selects.has(key)) selects.get(key).value = value;
    refresh();
  }

  function refresh() {
    const chosen = [...state.chosen].map(([key, value]) => [place.get(key), value]);
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    state.order = [];
    spec.rows.forEach((row, number) => {
      if (chosen.every(([column, value]) => String(row[column]) === value) && words.every((word) => haystack(number).includes(word))) state.order.push(number);
    });
    if (state.sort !== null) {
      const key = spec.columns[state.sort].key;
      const way = state.down ? -1 : 1;
      state.order.sort((left, right) => way * compare(key, spec.rows[left][state.sort], spec.rows[right][state.sort]) || left - right);
    }
    state.page = 0;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(state.order.length / PAGE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const first = state.page * PAGE;
    const page = state.order.slice(first, first + PAGE);
    body.replaceChildren(...page.map((number, at) => line(number, at && state.sort === null ? page[at - 1] : null)));
    shown.textContent = state.order.length === spec.rows.length ? spec.rows.length.toLocaleString("en") + " rows" : state.order.length.toLocaleString("en") + " of " + spec.rows.length.toLocaleString("en") + " rows";
    where.textContent = "page " + (state.page + 1) + " of " + pages;
    back.disabled = state.page === 0;
    next.disabled = state.page === pages - 1;
    pager.hidden = pages === 1;
  }

  function line(number, before) {
    const row = element("tr");
    let same = before !== null;
    spec.columns.forEach((column, at) => {
      const made = cell(column.key, spec.rows[number][at]);
      same = same && at < spec.grouped && spec.rows[number][at] === spec.rows[before][at];
      if (same) made.classList.add("again");
      row.append(made);
    });
    if (!spec.details) return row;
    row.classList.add("opens");
    row.tabIndex = 0;
    row.setAttribute("aria-expanded", "false");
    const toggle = () => {
      const open = row.classList.toggle("open");
      row.setAttribute("aria-expanded", String(open));
      const details = spec.details[number];
      if (open) row.after("fingerprint" in details ? described(spec.rows[number], details, spec.columns) : located(details, spec.columns));
      else row.nextElementSibling.remove();
    };
    row.addEventListener("click", () => { if (!String(getSelection())) toggle(); });
    row.addEventListener("keydown", (event) => {
      if (event.target === row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(); }
    });
    return row;
  }

  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.text = search.value; refresh(); }, 120);
  });
  root.parentElement.before(tools);
  root.parentElement.after(pager);
  for (const note of document.querySelectorAll("." + name + "-static")) note.hidden = true;
  refresh();
  return choose;
}

const choosers = new Map();
for (const [name, spec] of Object.entries(data.tables)) choosers.set(name, table(name, spec));
for (const link of document.querySelectorAll("a[data-rule]")) {
  link.addEventListener("click", () => choosers.get("findings")?.("rule", link.dataset.rule));
}
for (const link of document.querySelectorAll("a[data-severity]")) {
  link.addEventListener("click", () => choosers.get("findings")?.("severity", link.dataset.severity));
}
