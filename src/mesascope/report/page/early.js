// Before anything is shown: what this reader chose last, and that there are scripts.
document.documentElement.classList.add("js");
try {
  const chosen = localStorage.getItem("mesascope-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* a browser that keeps nothing for pages from disk */ }
