// What the pages of a report do: sort and filter long tables (DataTables, before this in the page), show what
// a heading means, and let the keyboard reach what scrolls. Without scripts, every page still says everything.
"use strict";
(() => {
  const SORTED = 8; // rows, from which a table can be sorted,
  const FILTERED = 20; // filtered,
  const PAGED = 30; // and is cut into pages, unless it explains columns
  const NUMBER = /^[<>]?([-\u2212+]?[\d,]*\.?\d+(e[-+]?\d+)?)/; // a cell may go on after it: 0.49 (0.30-0.81)
  const DATE = /^\d{4}-\d\d/;
  const NOTHING = /^(|-|none|not searched|nan)$/i;

  // numbers are sorted as such, and cells without one stand last either way
  const isKnown = (text) => text !== "" && !isNaN(text);
  const sortKnown = (sign) => (a, b) => isKnown(b) - isKnown(a) || (isKnown(a) ? sign * (a - b) : 0);
  DataTable.ext.type.order["known-asc"] = sortKnown(1);
  DataTable.ext.type.order["known-desc"] = sortKnown(-1);

  function findNumbers(table) {
    // columns of numbers; where words follow a number, the cell says what it is sorted by
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
    const found = [];
    for (let column = 0; column < rows[0].length; column++) {
      const cells = rows.map((row) => row[column]);
      const texts = cells.map((cell) => cell.textContent.trim());
      const sorts = (text) => NOTHING.test(text) || (NUMBER.test(text) && !DATE.test(text));
      if (!texts.every(sorts)) continue;
      found.push(column);
      if (texts.every((text) => !isNaN(text))) continue;
      cells.forEach((cell, at) => {
        const number = NUMBER.exec(texts[at]);
        cell.dataset.order = number ? number[1].replaceAll(",", "").replace("\u2212", "-") : "";
      });
    }
    return found;
  }

  function isLong(table) {
    const body = table.tBodies[0];
    const plain = table.matches(".told") || table.querySelector("[rowspan], tbody [colspan]");
    return table.tHead && body && body.rows.length >= SORTED && !plain;
  }

  function sortAndFilter(table) {
    const box = table.parentElement;
    const heads = [...table.tHead.rows[0].cells];
    const unnamed = heads.flatMap((cell, at) => (cell.textContent.trim() ? [] : [at]));
    const count = table.tBodies[0].rows.length;
    const filtered = count >= FILTERED;
    const paged = count > PAGED && !table.matches(".words");
    const numbers = findNumbers(table);
    new DataTable(table, {
      autoWidth: false,
      columnDefs: [
        { targets: unnamed, orderable: false },
        { targets: numbers, type: "known" },
        { targets: "_all", type: "string" },
      ],
      language: {
        search: "Filter",
        info: "_START_ to _END_ of _TOTAL_ rows",
        infoEmpty: "no row",
        infoFiltered: "(of _MAX_)",
        lengthMenu: "_MENU_ rows a page",
        zeroRecords: "No row holds this text.",
      },
      layout: {
        topStart: filtered ? "search" : null,
        topEnd: paged ? "pageLength" : null,
        bottomStart: filtered ? "info" : null,
        bottomEnd: paged ? "paging" : null,
      },
      lengthMenu: [10, 25, 100],
      order: [],
      paging: paged,
    });
    table.classList.add("ready");
    // the search field stays in place, the table alone scrolls
    const inner = table.parentElement;
    const label = box.getAttribute("aria-label");
    inner.classList.add("scroll");
    inner.setAttribute("role", "group");
    inner.setAttribute("aria-label", label);
    for (const name of ["class", "role", "aria-label", "tabindex"]) box.removeAttribute(name);
    box.querySelector("input[type=search]")?.setAttribute("aria-label", `Filter, ${label}`);
    box.querySelector(".dt-paging nav")?.setAttribute("aria-label", `Pages, ${label}`);
    table.addEventListener("draw.dt", reachScrolled);
  }

  function reachScrolled() {
    for (const box of document.querySelectorAll(".scroll, pre")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  function explainHeadings() {
    const tip = document.createElement("div");
    tip.id = "tip";
    tip.role = "tooltip";
    tip.hidden = true;
    document.body.append(tip);
    const hide = () => (tip.hidden = true);
    const show = (event) => {
      const head = event.target.closest?.("[data-tip]");
      if (!head) return;
      tip.textContent = head.dataset.tip;
      tip.hidden = false;
      const place = head.getBoundingClientRect();
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = `${Math.max(8, Math.min(place.left, room))}px`;
      tip.style.top = `${place.bottom + 2}px`;
    };
    for (const head of document.querySelectorAll("th[title]")) {
      head.dataset.tip = head.title;
      head.setAttribute("aria-description", head.title);
      head.removeAttribute("title");
      if (!head.querySelector("[tabindex], button")) head.tabIndex = 0;
    }
    document.addEventListener("mouseover", show);
    document.addEventListener("focusin", show);
    document.addEventListener("mouseout", (event) => event.relatedTarget !== tip && hide());
    document.addEventListener("focusout", hide);
    document.addEventListener("scroll", hide, true);
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  }

  document.querySelectorAll("main .scroll > table").forEach((table) => isLong(table) && sortAndFilter(table));
  explainHeadings();
  reachScrolled();
  window.addEventListener("resize", reachScrolled);
  document.addEventListener("toggle", reachScrolled, true);
})();
