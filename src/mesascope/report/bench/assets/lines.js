// The lines that four learners put through the points, in a plane and in numbers.

const PLANE = { xs: [-1.25, 1.25], ys: [-3, 3] };
const NARROW = 480; // pixels

function learners(layer, { rate, steps, penalty }, xs, ys) {
  const descent = { name: counted(steps, "gradient step"), short: counted(steps, "step"), role: "descent" };
  return [
    { name: "trained layer", role: "trained", slope: layerPrediction(layer, xs, ys, 1) },
    { ...descent, slope: descentSlope(xs, ys, rate, steps) },
    { name: "ridge", role: "ridge", slope: ridgeSlope(xs, ys, penalty) },
    { name: "least squares", role: "squares", slope: leastSquaresSlope(xs, ys) },
  ];
}

// Every line from end to end of the plane, or to where it leaves it above and below.
function drawLines(lines, names, frame, found) {
  const ends = found.map(({ name, short, role, slope }) => {
    const reach = Math.min(PLANE.xs[1], PLANE.ys[1] / Math.max(Math.abs(slope), 1e-9));
    const [x, y] = [frame.x(reach), frame.y(slope * reach)];
    const d = `M${frame.x(-reach)},${frame.y(-slope * reach)}L${x},${y}`;
    return { name: (frame.width < NARROW && short) || name, role, x, y, d, slope };
  });
  lines.replaceChildren(
    ...ends.map(({ role, d, slope }) => element("path", { d, class: `bench-line bench-${role}`, "data-slope": slope })),
  );
  drawNames(names, frame, ends);
}

function fillTable(root, found, xs, ys) {
  root.querySelectorAll("tbody tr").forEach((row, i) => {
    const errors = xs.map((x, j) => (found[i].slope * x - ys[j]) ** 2);
    const [name, slope, error] = row.querySelectorAll("[data-cell]");
    name.textContent = found[i].name;
    slope.textContent = fixed(found[i].slope, 3);
    error.textContent = fixed(errors.reduce((sum, each) => sum + each, 0) / errors.length, 3);
  });
}

// How far the layer is from one gradient step of the rate that it has on so many points.
function layerReading(layer, xs, ys) {
  const rate = layerRate(layer, xs.length);
  const slope = layerPrediction(layer, xs, ys, 1);
  const step = descentSlope(xs, ys, rate, 1);
  return (
    `On ${counted(xs.length, "point")} the trained layer makes a step of learning rate ${fixed(rate)}. ` +
    `Its slope is ${fixed(slope, 3)}. One gradient step of that rate has slope ${fixed(step, 3)}. ` +
    `They differ by ${number(Math.abs(slope - step), 4)}.`
  );
}
