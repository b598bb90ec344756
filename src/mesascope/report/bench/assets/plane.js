// Drawing in SVG: elements, scales, axes, and names that do not cover each other.

function element(tag, attributes = {}, children = []) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAll(made, attributes);
  made.append(...children);
  return made;
}

function setAll(made, attributes) {
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// The map from numbers [from, to] to pixels [start, end], and back.
function scale([from, to], [start, end]) {
  const map = (value) => start + ((value - from) / (to - from)) * (end - start);
  map.back = (pixel) => from + ((pixel - start) / (end - start)) * (to - from);
  return map;
}

// A plane of a width in pixels, with room for numbers on its left and below and for names on its right.
function makeFrame({ width, height, margin, xs, ys }) {
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  return {
    width, height, right, bottom,
    left: margin.left,
    top: margin.top,
    x: scale(xs, [margin.left, right]),
    y: scale(ys, [bottom, margin.top]),
  };
}

// Faint lines at the ticks, a stronger one at zero, and what the axes are.
function drawAxes(group, frame, { xTicks, yTicks, xName, yName, format = number, zero = 0 }) {
  const line = (x1, y1, x2, y2, strong) =>
    element("line", { x1, y1, x2, y2, class: strong ? "bench-axis" : "bench-grid" });
  const text = (x, y, anchor, words) =>
    element("text", { x, y, "text-anchor": anchor, class: "bench-tick" }, [words]);
  const { x, y, left, right, top, bottom } = frame;
  group.replaceChildren(
    ...xTicks.map((tick) => line(x(tick), top, x(tick), bottom, tick === zero)),
    ...yTicks.map((tick) => line(left, y(tick), right, y(tick), tick === zero)),
    ...xTicks.map((tick) => text(x(tick), bottom + 16, "middle", number(tick))),
    ...yTicks.map((tick) => text(left - 6, y(tick) + 4, "end", format(tick))),
    text(right, bottom + 34, "end", xName),
    text(0, top - 10, "start", yName),
  );
}

// Heights for names that want to stand at `wanted`, at least `gap` apart and between `low` and `high`.
function spread(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const heights = wanted.map((height) => clamp(height, low, high));
  order.forEach((which, i) => {
    if (i > 0) heights[which] = Math.max(heights[which], heights[order[i - 1]] + gap);
  });
  let limit = high;
  order.reverse().forEach((which) => {
    heights[which] = Math.min(heights[which], limit);
    limit = heights[which] - gap;
  });
  return heights;
}

// Names on the right of a plane, each joined to where its mark or line ends: [{ name, role, x, y }].
function drawNames(group, frame, named) {
  const heights = spread(named.map(({ y }) => y), 17, frame.top + 6, frame.bottom - 4);
  group.replaceChildren(
    ...named.flatMap(({ name, role, x, y }, i) => [
      element("path", {
        d: `M${x},${y}L${frame.right + 4},${heights[i]}h8`,
        class: `bench-leader bench-${role}`,
      }),
      element("text", { x: frame.right + 16, y: heights[i] + 4, class: "bench-name" }, [name]),
    ]),
  );
}

// Draw now and whenever the width changes; never while there is none, as in a part of the page that is folded.
function onWidth(host, draw) {
  let before = 0;
  new ResizeObserver(() => {
    const width = Math.floor(host.clientWidth);
    if (width > 0 && width !== before) {
      before = width;
      draw(width);
    }
  }).observe(host);
}
