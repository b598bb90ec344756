// Put both benches where the page holds them.

function start() {
  const layer = JSON.parse(document.getElementById("bench-layer").textContent);
  document.querySelectorAll(".bench-regression").forEach((root) => regressionBench(root, layer));
  document.querySelectorAll(".bench-sequences").forEach(sequencesBench);
}

if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", start);
} else {
  start();
}
