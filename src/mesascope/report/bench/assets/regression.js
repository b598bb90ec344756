// Points to drag, and the lines that four learners put through them.

const REGRESSION = { xs: [-1.25, 1.25], ys: [-3, 3], reach: [1.2, 2.9], fewest: 1, most: 24 };
const NARROW = 480; // pixels

function firstPoints(numPoints, seed) {
  const uniform = uniforms(seed);
  return Array.from({ length: numPoints }, (_, i) => {
    const x = clamp(-0.8 + (1.6 * (i + uniform() - 0.5)) / (numPoints - 1), -1, 1);
    return { x, clean: 1.5 * x, noise: 0 };
  });
}

function regressionBench(root, layer) {
  const state = { rate: layerRate(layer, layer.num_examples), steps: 1, penalty: 0.5, noise: 0.3, seed: 7 };
  const points = firstPoints(layer.num_examples, 3);
  const svg = root.querySelector("svg");
  const layers = { axes: element("g"), lines: element("g"), names: element("g"), points: element("g") };
  const marks = new Map();
  const movable = movableMarks(svg);
  const tell = teller(root.querySelector('[role="status"]'));
  let frame = null;
  let chosen = points[0];
  Object.values(layers).forEach((group) => svg.append(group));
  layers.axes.setAttribute("aria-hidden", "true");
  layers.lines.setAttribute("aria-hidden", "true");
  layers.names.setAttribute("aria-hidden", "true");

  const label = (point) => point.clean + state.noise * point.noise;
  const xs = () => points.map((point) => point.x);
  const ys = () => points.map(label);

  function drawNoise() {
    const normal = normals(state.seed);
    points.forEach((point) => {
      point.noise = normal();
    });
  }

  function learners() {
    const [inputs, labels] = [xs(), ys()];
    return [
      { name: "trained layer", role: "trained", slope: layerPrediction(layer, inputs, labels, 1) },
      {
        name: counted(state.steps, "gradient step"),
        short: counted(state.steps, "step"),
        role: "descent",
        slope: descentSlope(inputs, labels, state.rate, state.steps),
      },
      { name: "ridge", role: "ridge", slope: ridgeSlope(inputs, labels, state.penalty) },
      { name: "least squares", role: "squares", slope: leastSquaresSlope(inputs, labels) },
    ];
  }

  function put(point, x, y) {
    const [far, high] = REGRESSION.reach;
    point.x = clamp(x, -far, far);
    point.clean = clamp(y, -high, high) - state.noise * point.noise;
    update();
  }

  function makeMark(point) {
    const mark = element("g", { tabindex: 0, role: "slider", class: "bench-mark" }, [
      element("circle", { r: 20, class: "bench-hit" }),
      element("circle", { r: 11, class: "bench-ring" }),
      element("circle", { r: 5.5, class: "bench-point" }),
    ]);
    setAll(mark, { "aria-roledescription": "point", "aria-valuemin": -REGRESSION.reach[1], "aria-valuemax": REGRESSION.reach[1] });
    mark.addEventListener("focus", () => {
      chosen = point;
    });
    movable(mark, {
      at: () => [frame.x(point.x), frame.y(label(point))],
      place: (x, y) => put(point, frame.x.back(x), frame.y.back(y)),
      nudge: (right, up, large) => {
        const step = large ? 0.25 : 0.05;
        put(point, point.x + right * step, label(point) + up * step);
      },
      key: (name) => (name === "Delete" || name === "Backspace") && remove(point, true),
    });
    layers.points.append(mark);
    return mark;
  }

  function add() {
    if (points.length >= REGRESSION.most) return;
    const normal = normals(state.seed + 100 * points.length);
    const x = clamp(0.6 * normal(), -1.2, 1.2);
    chosen = { x, clean: leastSquaresSlope(xs(), ys()) * x, noise: normal() };
    points.push(chosen);
    update();
  }

  function remove(point, focusNext) {
    if (points.length <= REGRESSION.fewest) return true;
    const index = points.indexOf(point);
    points.splice(index, 1);
    marks.get(point).remove();
    marks.delete(point);
    chosen = points[Math.min(index, points.length - 1)];
    update();
    if (focusNext) marks.get(chosen).focus();
    return true;
  }

  function showPoints() {
    points.forEach((point, i) => {
      if (!marks.has(point)) marks.set(point, makeMark(point));
      const [x, y] = [point.x, label(point)];
      setAll(marks.get(point), {
        transform: `translate(${frame.x(x)},${frame.y(clamp(y, ...REGRESSION.ys))})`,
        "aria-label": `Point ${i + 1} of ${points.length}`,
        "aria-valuenow": y.toFixed(2),
        "aria-valuetext": `x ${fixed(x)}, y ${fixed(y)}`,
      });
    });
  }

  function showLines(found) {
    const [low, high] = REGRESSION.xs;
    const top = REGRESSION.ys[1];
    const narrow = frame.width < NARROW;
    const ends = found.map(({ name, short, role, slope }) => {
      const reach = Math.min(high, Math.abs(slope) > 0 ? top / Math.abs(slope) : high);
      return { name: (narrow && short) || name, role, x: frame.x(reach), y: frame.y(slope * reach), reach, slope };
    });
    layers.lines.replaceChildren(
      ...ends.map(({ role, x, y, reach, slope }) =>
        element("path", {
          d: `M${frame.x(-reach)},${frame.y(-slope * reach)}L${x},${y}`,
          class: `bench-line bench-${role}`,
          "data-slope": slope,
        }),
      ),
    );
    drawNames(layers.names, frame, ends);
  }

  function showTable(found) {
    const [inputs, labels] = [xs(), ys()];
    root.querySelectorAll("tbody tr").forEach((row, i) => {
      const errors = inputs.map((x, j) => (found[i].slope * x - labels[j]) ** 2);
      const [name, slope, error] = row.querySelectorAll("[data-cell]");
      name.textContent = found[i].name;
      slope.textContent = fixed(found[i].slope, 3);
      error.textContent = fixed(errors.reduce((sum, each) => sum + each, 0) / errors.length, 3);
    });
  }

  function reading(found) {
    const own = layerRate(layer, points.length);
    const step = descentSlope(xs(), ys(), own, 1);
    const apart = Math.abs(found[0].slope - step);
    return (
      `On ${counted(points.length, "point")} the trained layer makes a step of learning rate ${fixed(own)}. ` +
      `Its slope is ${fixed(found[0].slope, 3)}. One gradient step of that rate has slope ${fixed(step, 3)}. ` +
      `They differ by ${number(apart, 4)}.`
    );
  }

  function update() {
    if (frame === null) return;
    const found = learners();
    showPoints();
    showLines(found);
    showTable(found);
    root.querySelector("[data-value=reading]").textContent = reading(found);
    root.querySelector("[data-value=own]").textContent = fixed(layerRate(layer, points.length));
    root.querySelector("[data-value=variance]").textContent = fixed(state.noise ** 2);
    root.querySelector("button[name=add]").disabled = points.length >= REGRESSION.most;
    root.querySelector("button[name=remove]").disabled = points.length <= REGRESSION.fewest;
    tell(found.map(({ name, slope }) => `${name}: slope ${fixed(slope)}`).join(", "));
  }

  drawNoise();
  root.querySelector("[data-value=learned]").textContent = fixed(layerRate(layer, layer.num_examples));
  root.querySelector("[data-value=best]").textContent = fixed(layer.best_rate);
  root.querySelector("[data-value=examples]").textContent = layer.num_examples;
  const reach = [-layer.input_scale, layer.input_scale].map((end) => number(end));
  root.querySelector("[data-value=reach]").textContent = reach.join(" and ");
  const setRate = bindSlider(root, state, "rate", (value) => fixed(value), update);
  const setSteps = bindSlider(root, state, "steps", String, update);
  const setPenalty = bindSlider(root, state, "penalty", (value) => fixed(value), update);
  bindSlider(root, state, "noise", (value) => fixed(value), update);
  bindButton(root, "own", () => {
    setRate(layerRate(layer, points.length));
    setSteps(1);
  });
  bindButton(root, "variance", () => setPenalty(state.noise ** 2));
  bindButton(root, "redraw", () => {
    state.seed += 1;
    drawNoise();
    update();
  });
  bindButton(root, "add", add);
  bindButton(root, "remove", () => remove(chosen, false));
  onWidth(svg.parentElement, (width) => {
    const narrow = width < NARROW;
    frame = makeFrame({
      width,
      height: narrow ? 300 : Math.min(420, Math.round(0.62 * width)),
      margin: { left: 26, right: narrow ? 106 : 136, top: 26, bottom: 40 },
      xs: REGRESSION.xs,
      ys: REGRESSION.ys,
    });
    setAll(svg, { width, height: frame.height, viewBox: `0 0 ${width} ${frame.height}` });
    drawAxes(layers.axes, frame, { xTicks: [-1, 0, 1], yTicks: [-2, 0, 2], xName: "input x", yName: "label y" });
    update();
  });
}
