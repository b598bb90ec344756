// The states on the circle, the true next one, two predictions of it, and a handle that turns the rotation.

const HANDLE = 1.3; // its distance from the centre
const SHAPES = {
  truth: "M-9,0a9,9 0 1,0 18,0a9,9 0 1,0 -18,0z",
  other: "M-7,0h14M0,-7v14",
  descent: "M-5.5,-5.5h11v11h-11z",
};

function turningCircle(svg, turn) {
  const [back, states, predictions, names] = [0, 1, 2, 3].map(() => element("g", { "aria-hidden": "true" }));
  const handle = element("g", { tabindex: 0, role: "slider", class: "bench-mark" }, [
    element("circle", { r: 22, class: "bench-hit" }),
    element("circle", { r: 14, class: "bench-ring" }),
    element("circle", { r: 8, class: "bench-handle" }),
  ]);
  setAll(handle, { "aria-label": "Angle of the rotation W", "aria-valuemin": -180, "aria-valuemax": 180 });
  svg.append(back, states, predictions, names, handle);
  let [frame, angle] = [null, 0];

  const at = ([x, y]) => [frame.x(x), frame.y(y)];
  const around = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;
  makeMovable(handle, svg, {
    at: () => at(rotated([HANDLE, 0], angle, 1)),
    place: (x, y) => turn(Math.round((Math.atan2(frame.y.back(y), frame.x.back(x)) * 180) / Math.PI)),
    nudge: (right, up, large) => turn(around(angle + (right + up) * (large ? 10 : 1))),
    key: (name) => name in { Home: 1, End: 1 } && (turn(name === "Home" ? -180 : 180), true),
  });

  function drawBack() {
    const radius = frame.x(1) - frame.x(0);
    const [x, y] = at(rotated([0.36, 0], angle, 1));
    const [endX, endY] = at(rotated([HANDLE, 0], angle, 1));
    const arc = `M${frame.x(0.36)},${frame.y(0)}A${0.36 * radius},${0.36 * radius} 0 0,${angle < 0 ? 1 : 0} ${x},${y}`;
    const half = rotated([0.52, 0], angle / 2, 1);
    back.replaceChildren(
      element("circle", { cx: frame.x(0), cy: frame.y(0), r: radius, class: "bench-axis" }),
      element("path", { d: `M${at([HANDLE, 0])}L${at([0, 0])}L${endX},${endY}`, class: "bench-spoke" }),
      element("path", { d: arc, class: "bench-arc" }),
      element("text", { x: frame.x(half[0]), y: frame.y(half[1]) + 4, "text-anchor": "middle", class: "bench-tick" }, [
        `${number(angle, 0)}°`,
      ]),
    );
  }

  function drawStates(seen) {
    states.replaceChildren(
      element("path", { d: `M${seen.map((each) => at(each)).join("L")}`, class: "bench-trail" }),
      ...seen.map((each, i) => {
        const [cx, cy] = at(each);
        const last = i === seen.length - 1;
        const opacity = 0.35 + (0.65 * (i + 1)) / seen.length;
        return element("circle", { cx, cy, r: last ? 6 : 4, opacity, class: "bench-state" });
      }),
    );
  }

  function drawPredictions({ truth, next, step, last }) {
    const marked = [
      { name: "last state", role: "last", state: last },
      { name: "true next state", role: "truth", state: truth },
      { name: "gradient step", role: "descent", state: step },
      { name: "recursion", role: "other", state: next },
    ].map((each) => {
      const reach = Math.max(1, Math.hypot(...each.state) / 1.5);
      const [x, y] = at(each.state.map((entry) => entry / reach));
      return { ...each, x, y };
    });
    predictions.replaceChildren(
      ...marked.slice(1).map(({ role, x, y }) =>
        element("path", { d: SHAPES[role], transform: `translate(${x},${y})`, class: `bench-shape bench-${role}` }),
      ),
    );
    drawNames(names, frame, marked);
  }

  return {
    show(state, seen, now) {
      if (frame === null) return;
      angle = state.angle;
      drawBack();
      drawStates(seen);
      drawPredictions(now);
      const [x, y] = at(rotated([HANDLE, 0], angle, 1));
      setAll(handle, {
        transform: `translate(${x},${y})`,
        "aria-valuenow": angle,
        "aria-valuetext": `${number(angle, 0)} degrees`,
      });
    },
    whenSized(update) {
      onWidth(svg.parentElement, (width) => {
        const margin = { left: 10, right: 126, top: 10, bottom: 10 };
        const side = Math.min(width - margin.left - margin.right, 360);
        frame = makeFrame({ width: side + margin.left + margin.right, height: side + 20, margin, xs: [-1.5, 1.5], ys: [-1.5, 1.5] });
        setAll(svg, { width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}` });
        update();
      });
    },
  };
}
