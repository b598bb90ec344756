// Points to drag, and the lines that move with them.

const POINTS = { fewest: 1, most: 24 };

function regressionBench(root, layer) {
  const points = firstPoints(layer.num_examples, 3);
  const learned = layerRate(layer, layer.num_examples);
  const state = { rate: learned, steps: 1, penalty: 0.5, noise: 0.3, seed: 7, points, chosen: points[0] };
  const svg = root.querySelector("svg");
  const [axes, lines, names] = [0, 1, 2].map(() => element("g", { "aria-hidden": "true" }));
  const movable = element("g");
  svg.append(axes, lines, names, movable);
  const showPoints = pointMarks(svg, movable, state, { changed: update, remove });
  const say = (name, words) => {
    root.querySelector(`[data-value="${name}"]`).textContent = words;
  };
  const tell = teller(root);
  let frame = null;

  function drawNoise() {
    const normal = normals(state.seed);
    points.forEach((point) => {
      point.noise = normal();
    });
  }

  function examples() {
    return [points.map(({ x }) => x), points.map((point) => labelOf(point, state.noise))];
  }

  function add() {
    const normal = normals(state.seed + 100 * points.length);
    const x = clamp(0.6 * normal(), -REACH.x, REACH.x);
    state.chosen = { x, clean: leastSquaresSlope(...examples()) * x, noise: normal() };
    points.push(state.chosen);
    update();
  }

  function remove(point) {
    if (points.length <= POINTS.fewest) return;
    const index = points.indexOf(point);
    points.splice(index, 1);
    state.chosen = points[Math.min(index, points.length - 1)];
    update();
  }

  function update() {
    if (frame === null) return;
    const [xs, ys] = examples();
    const found = learners(layer, state, xs, ys);
    showPoints(frame);
    drawLines(lines, names, frame, found);
    fillTable(root, found, xs, ys);
    say("reading", layerReading(layer, xs, ys));
    say("own", fixed(layerRate(layer, points.length)));
    say("variance", fixed(state.noise ** 2));
    redrawButton.disabled = state.noise === 0;
    addButton.disabled = points.length >= POINTS.most;
    removeButton.disabled = points.length <= POINTS.fewest;
    tell(found.map(({ name, slope }) => `${name}: slope ${fixed(slope)}`).join(", "));
  }

  function resize(width) {
    const height = width < NARROW ? 300 : Math.min(420, Math.round(0.62 * width));
    const margin = { left: 26, right: width < NARROW ? 106 : 136, top: 26, bottom: 40 };
    frame = makeFrame({ width, height, margin, ...PLANE });
    setAll(svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    drawAxes(axes, frame, { xTicks: [-1, 0, 1], yTicks: [-2, 0, 2], xName: "input x", yName: "label y" });
    update();
  }

  const setRate = bindSlider(root, state, "rate", (value) => fixed(value), update);
  const setSteps = bindSlider(root, state, "steps", String, update);
  const setPenalty = bindSlider(root, state, "penalty", (value) => fixed(value), update);
  bindSlider(root, state, "noise", (value) => fixed(value), update);
  bindButton(root, "own", () => {
    setRate(layerRate(layer, points.length));
    setSteps(1);
  });
  bindButton(root, "variance", () => setPenalty(state.noise ** 2));
  const redrawButton = bindButton(root, "redraw", () => {
    state.seed += 1;
    drawNoise();
    update();
  });
  const addButton = bindButton(root, "add", add);
  const removeButton = bindButton(root, "remove", () => remove(state.chosen));
  say("learned", fixed(learned));
  say("best", fixed(layer.best_rate));
  say("examples", layer.num_examples);
  say("reach", [-layer.input_scale, layer.input_scale].map((end) => number(end)).join(" and "));
  drawNoise();
  onWidth(svg.parentElement, resize);
}
