// Interactive figures: drawn with Plotly when they come near the screen, from the JSON that stands beside each.
"use strict";
(() => {
  const SCALES = { x: "xaxis", y: "yaxis" };
  const DARKEST = 0.14; // of the luminances that are told from a dark panel, three to one
  const [ROW, FRAME] = [17, 90]; // pixels of a named row, and around the rows
  const OUTLINES = { // of markers, around the middle of a swatch
    square: "M9 3h6v6h-6z",
    diamond: "M12 2l4 4-4 4-4-4z",
    "triangle-up": "M12 2l4 7h-8z",
    "triangle-down": "M12 10l4-7h-8z",
    "x": "M9 3l6 6m0-6l-6 6",
    "cross": "M12 2v8m-4-4h8",
    "line-ew": "M8 6h8",
    circle: "M12 2.5a3.5 3.5 0 1 0 .01 0z",
  };
  const plots = new Map();

  // Greys and black are ink: the darker on white, the lighter in the dark. Other colours mean something: they keep their hue.
  function ink(colour, dark) {
    if (!dark || typeof colour !== "string") return colour;
    const hex = /^#(..)(..)(..)$/.exec(colour);
    const rgba = /^rgba\((\d+),(\d+),(\d+),(.+)\)$/.exec(colour);
    let channels = hex ? hex.slice(1).map((each) => parseInt(each, 16)) : rgba?.slice(1, 4).map(Number);
    if (!channels) return colour;
    if (Math.max(...channels) - Math.min(...channels) <= 12) channels = channels.map((each) => 255 - (2 / 3) * each);
    while (luminance(channels) < DARKEST) channels = channels.map((each) => each + 0.1 * (255 - each));
    return `rgba(${channels.map(Math.round).join(",")},${rgba ? rgba[4] : 1})`;
  }

  function luminance(channels) {
    const [r, g, b] = channels.map((each) => (each / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function inked(value, dark, key = "") {
    if (Array.isArray(value)) return /color/i.test(key) ? value.map((each) => inked(each, dark, key)) : value;
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inked(each, dark, name)]));
    }
    return /color$/i.test(key) ? ink(value, dark) : value;
  }

  const isMap = (plot) => plot.json.data.some((each) => each.type === "heatmap");

  function axis(told, name, plot) {
    const text = getComputedStyle(plot.div).color;
    const grid = getComputedStyle(plot.div).borderTopColor;
    const { title, ...rest } = told;
    const whole = { tickmode: "auto", ...rest, color: text, gridcolor: grid, zeroline: false, linecolor: grid, automargin: true };
    whole.title = { ...title, standoff: 8 };
    const scale = plot.scales[name];
    whole.uirevision = `${scale ?? rest.type} ${plot.home}`;
    if (scale && scale !== rest.type) {
      whole.type = scale;
      whole.autorange = rest.range[0] > rest.range[1] ? "reversed" : true;
      ["range", "tickmode", "tickvals", "ticktext", "dtick"].forEach((each) => delete whole[each]);
      whole.tickmode = "auto";
    }
    return whole;
  }

  function layout(plot) {
    const { layout: told } = plot.json;
    const dark = mesascope.isDark();
    const text = getComputedStyle(plot.div).color;
    const whole = { ...told, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false };
    Object.keys(told).filter((key) => /^[xy]axis/.test(key)).forEach((key) => {
      whole[key] = axis(told[key], key[0] + key.slice(5), plot);
    });
    whole.font = { color: text, size: 12, family: getComputedStyle(document.body).fontFamily };
    whole.shapes = told.shapes.map((each) => ({ ...inked(each, dark), showlegend: false, visible: !plot.hidden.has(each.legendgroup) }));
    whole.annotations = told.annotations.map((each) => inked(each, dark && !isMap(plot)));
    whole.margin = { l: 56, r: 16, t: 8, b: 44 };
    whole.hoverlabel = { namelength: -1 };
    whole.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    whole.uirevision = plot.home;
    return whole;
  }

  function traces(plot) {
    const dark = mesascope.isDark();
    return plot.json.data.map((each) => ({
      ...(each.type === "heatmap" || (isMap(plot) && each.mode === "text") ? each : inked(each, dark)),
      visible: !plot.hidden.has(each.legendgroup) || !each.legendgroup,
    }));
  }

  async function draw(plot) {
    const Plotly = await mesascope.plotly();
    const config = { displayModeBar: false, responsive: true, scrollZoom: false };
    await Plotly.react(plot.div, traces(plot), layout(plot), config);
    if (!("drawn" in plot.div.dataset)) plot.div.on("plotly_relayout", (changes) => freeTicks(Plotly, plot, changes));
    plot.div.dataset.drawn = "";
  }

  // Ticks that were placed for the whole axis may all lie outside of a part of it.
  function freeTicks(Plotly, plot, changes) {
    const zoomed = Object.keys(changes).map((key) => /^(.axis\d?)\.range/.exec(key)?.[1]).filter(Boolean);
    const freed = [...new Set(zoomed)].filter((key) => plot.div.layout[key].tickmode === "linear");
    if (freed.length) Plotly.relayout(plot.div, Object.fromEntries(freed.map((key) => [`${key}.tickmode`, "auto"])));
  }

  function button(text, act, pressed = null) {
    const made = document.createElement("button");
    made.type = "button";
    made.innerHTML = text;
    if (pressed !== null) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", () => act(made));
    return made;
  }

  function zoom(plot, factor) {
    const changes = {};
    Object.keys(plot.json.layout).filter((key) => /^[xy]axis/.test(key)).forEach((key) => {
      const [low, high] = plot.div._fullLayout[key].range;
      const [middle, half] = [(low + high) / 2, ((high - low) / 2) * factor];
      changes[`${key}.range`] = [middle - half, middle + half];
    });
    mesascope.plotly().then((Plotly) => Plotly.relayout(plot.div, changes));
  }

  function tools(plot) {
    const made = plot.json.switches.map((name) => {
      const first = plot.json.layout[SCALES[name]].type;
      plot.scales[name] = first;
      const act = (pressed) => {
        plot.scales[name] = plot.scales[name] === "log" ? "linear" : "log";
        pressed.setAttribute("aria-pressed", String(plot.scales[name] === "log"));
        draw(plot);
      };
      return button(`log ${name}`, act, first === "log");
    });
    const named = [["+", "Zoom in", 0.7], ["−", "Zoom out", 1 / 0.7]].map(([sign, name, factor]) => {
      const each = button(sign, () => zoom(plot, factor));
      each.setAttribute("aria-label", name);
      return each;
    });
    const reset = () => { plot.home += 1; draw(plot); };
    plot.panel.querySelector(".tools").append(...made, ...named, button("Reset", reset));
  }

  function swatch(part) {
    const [line, marker] = [part.line ?? {}, part.marker ?? {}];
    const one = (value) => (Array.isArray(value) ? value[0] : value);
    const dashes = { dash: "5 3", dot: "1.5 3", dashdot: "6 3 1.5 3" }[line.dash] ?? "none";
    const isLine = part.type === "line" || (part.mode ?? "").includes("lines");
    const filled = part.type === "bar" || part.type === "rect" || (part.fill === "toself");
    const dark = mesascope.isDark();
    const shade = ink(one(filled ? part.fillcolor ?? marker.color : (isLine ? line.color : marker.color)), dark);
    const dot = ink(one(marker.color), dark);
    const hollow = String(one(marker.symbol)).endsWith("-open");
    const kind = Object.keys(OUTLINES).find((name) => String(one(marker.symbol)).startsWith(name)) ?? "circle";
    const outline = OUTLINES[kind];
    const svg = filled
      ? `<rect x="3" y="2" width="18" height="8" fill="${shade}"/>`
      : (isLine ? `<line x1="0" x2="24" y1="6" y2="6" stroke="${shade}" stroke-width="2" stroke-dasharray="${dashes}"/>` : "")
        + (marker.color ? `<path d="${outline}" stroke="${dot}" stroke-width="1.2" fill="${hollow ? "none" : dot}"/>` : "");
    return `<svg width="24" height="12" viewBox="0 0 24 12" aria-hidden="true">${svg}</svg>`;
  }

  function series(plot) {
    const list = plot.panel.querySelector(".series");
    const parts = [...plot.json.data, ...plot.json.layout.shapes].filter((each) => each.showlegend);
    list.replaceChildren(...parts.map((part) => {
      const group = part.legendgroup;
      const item = document.createElement("li");
      item.append(button(swatch(part) + part.name, (pressed) => {
        if (!plot.hidden.delete(group)) plot.hidden.add(group);
        pressed.setAttribute("aria-pressed", String(!plot.hidden.has(group)));
        draw(plot);
      }, !plot.hidden.has(group)));
      return item;
    }));
    list.hidden = parts.length === 0;
  }

  function make(div) {
    const panel = div.closest(".panel");
    const json = JSON.parse(panel.querySelector("script").textContent);
    const plot = { div, panel, json, hidden: new Set(), scales: {}, home: 0 };
    plots.set(div, plot);
    const rows = (json.layout.yaxis.ticktext ?? []).length;
    div.style.height = `max(20rem, ${rows * ROW + FRAME}px)`;
    tools(plot);
    series(plot);
    return plot;
  }

  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      draw(plots.get(target)).catch(() => {
        // A browser too old to unpack Plotly: the static pictures are there.
        document.documentElement.classList.add("static-only");
      });
    });
  }, { rootMargin: "600px" });
  document.querySelectorAll(".plot").forEach((div) => {
    make(div);
    near.observe(div);
  });
  mesascope.onTheme(() => plots.forEach((plot) => {
    series(plot);
    if ("drawn" in plot.div.dataset) draw(plot);
  }));

  document.querySelectorAll("figure.picture").forEach((figure) => {
    const toggle = figure.querySelector(".show-static");
    toggle.addEventListener("click", () => {
      const shown = figure.classList.toggle("with-static");
      toggle.setAttribute("aria-expanded", String(shown));
    });
    const link = figure.querySelector(".download");
    link.addEventListener("click", () => { link.href = figure.querySelector(".static img").src; });
  });
})();
