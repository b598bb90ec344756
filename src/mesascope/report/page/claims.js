// The table of claims: a row is shown where it fits every filter and holds every word of the search.
"use strict";
(() => {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const rows = [...document.querySelectorAll("table.claims tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const status = form.querySelector("[role=status]");
  const nothing = document.querySelector(".nothing");

  function apply() {
    const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = ["paper", "kind", "verdict"].every((name) => !form[name].value || form[name].value === row.dataset[name]);
      row.hidden = !(fits && words.every((word) => texts[i].includes(word)));
      shown += !row.hidden;
    });
    status.textContent = `${shown} of ${rows.length} claims`;
    nothing.hidden = shown > 0;
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  document.querySelectorAll("a.count").forEach((link) => {
    link.addEventListener("click", () => {
      form.reset();
      form.paper.value = link.dataset.paper;
      form.verdict.value = link.dataset.verdict;
      apply();
    });
  });
  apply();
})();
