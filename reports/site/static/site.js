// Sorting and searching in tables; a page can be read without it.
"use strict";

(() => {
  const number = new Intl.NumberFormat("en");

  function value(row, column) {
    const text = row.cells[column]?.textContent.trim() ?? "";
    const plain = text.replace(/[,%+]/g, "").replace("−", "-");
    return plain !== "" && !Number.isNaN(Number(plain)) ? Number(plain) : text.toLowerCase();
  }

  function compared(left, right) {
    if (typeof left === typeof right) {
      return typeof left === "number" ? left - right : left < right ? -1 : left > right ? 1 : 0;
    }
    return typeof left === "number" ? 1 : -1;
  }

  function sort(table, heading, column) {
    const descending = heading.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) {
      other.removeAttribute("aria-sort");
    }
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, place) => ({ row, place, key: value(row, column) }));
    rows.sort((a, b) => (descending ? compared(b.key, a.key) : compared(a.key, b.key)) || a.place - b.place);
    body.append(...rows.map((one) => one.row));
  }

  function sortable(table) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  }

  function searchable(table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) {
      return;
    }
    const label = document.createElement("label");
    const box = document.createElement("input");
    const said = document.createElement("output");
    label.className = "filter";
    box.type = "search";
    label.append("Search this table ", box, said);
    table.parentElement.before(label);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    box.addEventListener("input", () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      said.textContent = words.length ? ` ${number.format(shown)} of ${number.format(rows.length)}` : "";
    });
  }

  // A page that nobody makes any more is the failure that nobody sees.
  function aged() {
    const notice = document.getElementById("aged");
    const days = Math.floor((Date.now() - Date.parse(notice.dataset.generated)) / 86400000);
    if (days > Number(notice.dataset.days)) {
      notice.textContent = `This page was made ${number.format(days)} days ago. Does whatever makes it still run?`;
      notice.hidden = false;
    }
  }

  function cell(row, text, address) {
    const made = row.insertCell();
    if (address) {
      const link = document.createElement("a");
      link.href = address;
      link.textContent = text;
      made.append(link);
      made.className = "text";
    } else {
      made.textContent = text;
    }
  }

  function file(name) {
    const prefix = name.startsWith("lib") && name.length > 3 ? name.slice(0, 4).replace(/\.+$/, "") : name[0];
    return `json/${prefix}/${name}.json`;
  }

  function sources() {
    const data = window.archscanSources;
    const box = document.getElementById("search");
    const table = document.getElementById("sources");
    if (!data || !box) {
      return;
    }
    const said = document.getElementById("found");
    const names = data.sources.map((row) => row[0].toLowerCase());
    const people = data.maintainers.map((row) => row[0].toLowerCase());
    const most = 200;
    function show() {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      const found = [];
      names.forEach((name, place) => {
        const who = people[data.sources[place][1]];
        if (words.every((word) => name.includes(word) || who.includes(word))) {
          found.push(place);
        }
      });
      const rank = (place) => (names[place] === words[0] ? 0 : names[place].startsWith(words[0] ?? "") ? 1 : 2);
      found.sort((a, b) => (words.length ? rank(a) - rank(b) : 0) || data.sources[b][2] - data.sources[a][2] || a - b);
      const body = document.createElement("tbody");
      for (const place of found.slice(0, most)) {
        const [name, who, score, ...counts] = data.sources[place];
        const row = body.insertRow();
        cell(row, name, counts[data.severities.length + 1] ?? file(name));
        cell(row, data.maintainers[who][0], data.maintainers[who][1]);
        cell(row, number.format(score));
        counts.slice(0, data.severities.length + 1).forEach((count) => cell(row, number.format(count)));
      }
      table.tBodies[0].replaceWith(body);
      said.textContent = `${number.format(found.length)} of ${number.format(names.length)} source packages` +
        (found.length > most ? `, the first ${most} shown` : "");
    }
    table.parentElement.hidden = false;
    box.parentElement.hidden = false;
    document.getElementById("unsearchable").hidden = true;
    box.value = new URLSearchParams(location.search).get("q") ?? "";
    box.addEventListener("input", show);
    show();
  }

  aged();
  sources();
  document.querySelectorAll("table.sortable").forEach((table) => {
    sortable(table);
    if (table.id !== "sources") {
      searchable(table);
    }
  });
})();
