// A rotation to turn, and two ways to say which state comes next.

const SEQUENCES = { most: 24, first: [1, 0], errors: [-16, 1] };

function rotated([x, y], degrees, stretch) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [stretch * (cos * x - sin * y), stretch * (sin * x + cos * y)];
}

// The states s_1, ..., s_{most + 1}, and the same with noise on each.
function sequenceOf({ angle, stretch, noise, seed }) {
  const clean = [SEQUENCES.first];
  while (clean.length <= SEQUENCES.most) clean.push(rotated(clean[clean.length - 1], angle, stretch));
  const normal = normals(seed);
  return { clean, seen: clean.map((state) => state.map((entry) => entry + noise * normal())) };
}

// What both predict after the first `length` states, and how far each is from the true next state.
function forecasts({ clean, seen }, length, coefficient) {
  const states = seen.slice(0, length);
  const { cosine, next } = recursion(states);
  const step = stepAlongSequence(states, coefficient);
  const truth = clean[length];
  return { cosine, truth, next, step, errors: [distance(next, truth), distance(step, truth)] };
}

function sequencesBench(root) {
  const state = { angle: 40, length: 12, noise: 0, stretch: 1, coefficient: fitting(12), seed: 5 };
  const circle = turningCircle(root.querySelector(".bench-circle svg"), (degrees) => setAngle(degrees));
  const chart = errorChart(root.querySelector(".bench-errors svg"));
  const tell = teller(root);

  function update() {
    const sequence = sequenceOf(state);
    const now = forecasts(sequence, state.length, state.coefficient);
    const all = Array.from({ length: SEQUENCES.most }, (_, t) => forecasts(sequence, t + 1, state.coefficient).errors);
    circle.show(state, sequence.seen.slice(0, state.length), now);
    chart.show(all, state.length);
    root.querySelectorAll("tbody tr").forEach((row, i) => {
      row.querySelector("[data-cell=error]").textContent = inWords(now.errors[i]);
    });
    root.querySelector("[data-value=fitting]").textContent = fixed(fitting(state.length));
    redrawButton.disabled = state.noise === 0;
    const words = reading(state, now);
    root.querySelector("[data-value=reading]").textContent = words;
    tell(words);
  }

  const degrees = (value) => `${number(value, 0)}°`;
  const setAngle = bindSlider(root, state, "angle", degrees, update);
  bindSlider(root, state, "length", String, update);
  bindSlider(root, state, "noise", (value) => fixed(value), update);
  bindSlider(root, state, "stretch", (value) => fixed(value), update);
  const setCoefficient = bindSlider(root, state, "coefficient", (value) => fixed(value), update);
  const redrawButton = bindButton(root, "redraw", () => {
    state.seed += 1;
    update();
  });
  bindButton(root, "fitting", () => setCoefficient(fitting(state.length)));
  circle.whenSized(update);
  chart.whenSized(update);
}

// The coefficient that suits so many states: on the circle the mean of s s^T is about half the identity.
function fitting(length) {
  return 2 / Math.max(length - 1, 1);
}

function reading(state, { cosine, errors }) {
  if (cosine === null) {
    return "The recursion needs three states. Before the third it knows no angle, and it keeps the last state.";
  }
  const states = `From ${counted(state.length, "state")} the recursion`;
  const found = `${states} estimates an angle of ${fixed((Math.acos(cosine) * 180) / Math.PI, 1)}°, up to its sign.`;
  const none = `${states} finds no angle, since its cosine would be ${fixed(cosine, 3)}.`;
  const seen = Math.abs(cosine) <= 1 ? found : none;
  if (errors[0] < EXACT) return `${seen} Its next state is exact, up to rounding.`;
  const reasons = [
    ...(state.noise > 0 ? ["the states are noisy"] : []),
    ...(state.stretch !== 1 ? ["W changes the length of a state"] : []),
  ];
  return `${seen} Its next state is ${inWords(errors[0])} off, since ${reasons.join(" and ")}.`;
}
