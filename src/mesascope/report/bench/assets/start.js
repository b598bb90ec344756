// Put both benches where the page holds them.

function start() {
  const layer = JSON.parse(document.getElementById("bench-layer").textContent);
  regressionBench(document.querySelector(".bench-regression"), layer);
  sequencesBench(document.querySelector(".bench-sequences"));
}

if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", start);
} else {
  start();
}
