// How far each prediction is from the true next state, after every number of states.

const CURVES = [
  { name: "recursion", role: "other" },
  { name: "gradient step", role: "descent" },
];

function errorChart(svg) {
  const [axes, band, now, lines, names] = [0, 1, 2, 3, 4].map(() => element("g", { "aria-hidden": "true" }));
  svg.append(band, axes, now, lines, names);
  const [low, high] = SEQUENCES.errors;
  const height = (error) => clamp(Math.log10(Math.max(error, 1e-300)), low, high);
  let frame = null;

  function drawBand() {
    const [top, bottom] = [frame.y(Math.log10(EXACT)), frame.y(low)];
    const { left, right } = frame;
    band.replaceChildren(
      element("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "bench-band" }),
    );
    const place = { x: right - 6, y: top + 16, "text-anchor": "end", class: "bench-tick" };
    axes.append(element("text", place, ["exact up to rounding"]));
  }

  return {
    show(errors, length) {
      if (frame === null) return;
      const x = frame.x(length);
      now.replaceChildren(element("line", { x1: x, x2: x, y1: frame.top, y2: frame.bottom, class: "bench-now" }));
      const found = CURVES.map((line, i) => {
        const ends = errors.map((each, t) => [frame.x(t + 1), frame.y(height(each[i]))]);
        const [endX, endY] = ends[ends.length - 1];
        return { ...line, ends, x: endX, y: endY, at: ends[length - 1] };
      });
      lines.replaceChildren(
        ...found.flatMap(({ role, ends, at: [cx, cy] }) => [
          element("path", { d: `M${ends.join("L")}`, class: `bench-line bench-${role}` }),
          element("circle", { cx, cy, r: 4, class: `bench-dot bench-${role}` }),
        ]),
      );
      drawNames(names, frame, found);
    },
    whenSized(update) {
      onWidth(svg.parentElement, (width) => {
        frame = makeFrame({
          width,
          height: 240,
          margin: { left: 40, right: 116, top: 26, bottom: 40 },
          xs: [1, SEQUENCES.most],
          ys: SEQUENCES.errors,
        });
        setAll(svg, { width, height: frame.height, viewBox: `0 0 ${width} ${frame.height}` });
        drawAxes(axes, frame, {
          xTicks: [1, 6, 12, 18, 24],
          yTicks: [-16, -12, -8, -4, 0],
          xName: "states seen",
          yName: "distance to the true next state",
          zero: null,
          format: (tick) => (tick === 0 ? "1" : power(10 ** tick).split("·")[1]),
        });
        drawBand();
        update();
      });
    },
  };
}
