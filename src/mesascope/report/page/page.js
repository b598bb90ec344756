// What every page has: a light and a dark theme, all details open in print, and Plotly for those who ask for it.
"use strict";
window.mesascope = (() => {
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : preferred.matches);

  const button = document.getElementById("theme");
  const told = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    listeners.forEach((listener) => listener(isDark()));
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("mesascope-theme", root.dataset.theme);
    } catch { /* then it is chosen anew next time */ }
    told();
  });
  preferred.addEventListener("change", told);

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not([open])")];
    closed.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((each) => { each.open = false; }));

  const narrow = matchMedia("(max-width: 1099px)");
  const contents = document.querySelector(".contents details");
  const fold = () => { if (contents) contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  told();

  let loading = null;
  async function load() {
    const packed = document.getElementById("plotly-gzip").textContent;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  }

  return {
    isDark,
    onTheme: (listener) => listeners.push(listener),
    plotly: () => (loading ??= load()),
  };
})();
