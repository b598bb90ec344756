// Interactive figures: drawn with Plotly when they come near the screen, from the JSON that stands beside each.
"use strict";
(() => {
  const SCALES = { x: "xaxis", y: "yaxis" };
  const plots = new Map();

  // Greys and black are ink: in the dark they turn to their opposite. Other colours mean something and stay.
  function ink(colour, dark) {
    if (!dark || typeof colour !== "string") return colour;
    const hex = /^#(..)(..)(..)$/.exec(colour);
    const rgba = /^rgba\((\d+),(\d+),(\d+),(.+)\)$/.exec(colour);
    const channels = hex ? hex.slice(1).map((each) => parseInt(each, 16)) : rgba?.slice(1, 4).map(Number);
    if (!channels || Math.max(...channels) - Math.min(...channels) > 12) return colour;
    return `rgba(${channels.map((each) => 255 - each).join(",")},${rgba ? rgba[4] : 1})`;
  }

  function inked(value, dark, key = "") {
    if (Array.isArray(value)) return /color/i.test(key) ? value.map((each) => inked(each, dark, key)) : value;
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inked(each, dark, name)]));
    }
    return /color$/i.test(key) ? ink(value, dark) : value;
  }

  function axis(told, name, plot) {
    const text = getComputedStyle(plot.div).color;
    const grid = getComputedStyle(plot.div).borderTopColor;
    const { title, ...rest } = told;
    const whole = { ...rest, color: text, gridcolor: grid, zeroline: false, linecolor: grid, automargin: true };
    whole.title = { ...title, standoff: 8 };
    const scale = plot.scales[name];
    whole.uirevision = `${scale ?? rest.type} ${plot.home}`;
    if (scale && scale !== rest.type) {
      whole.type = scale;
      whole.autorange = rest.range[0] > rest.range[1] ? "reversed" : true;
      ["range", "tickmode", "tickvals", "ticktext"].forEach((each) => delete whole[each]);
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
    whole.annotations = told.annotations.map((each) => inked(each, dark));
    whole.margin = { l: 56, r: 16, t: 8, b: 44 };
    whole.hoverlabel = { namelength: -1 };
    whole.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    whole.uirevision = plot.home;
    return whole;
  }

  function traces(plot) {
    const dark = mesascope.isDark();
    const onMap = plot.json.data.some((each) => each.type === "heatmap");
    return plot.json.data.map((each) => ({
      ...(each.type === "heatmap" || (onMap && each.mode === "text") ? each : inked(each, dark)),
      visible: !plot.hidden.has(each.legendgroup) || !each.legendgroup,
    }));
  }

  async function draw(plot) {
    const Plotly = await mesascope.plotly();
    const config = { displayModeBar: false, responsive: true, scrollZoom: false };
    await Plotly.react(plot.div, traces(plot), layout(plot), config);
    plot.div.dataset.drawn = "";
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
    const svg = filled
      ? `<rect x="3" y="2" width="18" height="8" fill="${shade}"/>`
      : (isLine ? `<line x1="0" x2="24" y1="6" y2="6" stroke="${shade}" stroke-width="2" stroke-dasharray="${dashes}"/>` : "")
        + (marker.color ? `<circle cx="12" cy="6" r="3.5" stroke="${dot}" fill="${hollow ? "none" : dot}"/>` : "");
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
