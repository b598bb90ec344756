// The states on the circle, the true next one, two predictions of it, and a handle that turns the rotation.

const HANDLE = 1.28; // its distance from the centre
const EDGE = 1.4; // what is farther from it is drawn here
const SHAPES = {
  last: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
  truth: "M-9,0a9,9 0 1,0 18,0a9,9 0 1,0 -18,0z",
  other: "M-7,0h14M0,-7v14",
  descent: "M-5.5,-5.5h11v11h-11z",
};

function shape(role, [x, y]) {
  return element("path", { d: SHAPES[role], transform: `translate(${x},${y})`, class: `bench-shape bench-${role}` });
}

function inside(state) {
  const far = Math.max(1, Math.hypot(...state) / EDGE);
  return state.map((entry) => entry / far);
}

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
  movableMarks(svg)(handle, {
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
        const opacity = 0.35 + (0.65 * (i + 1)) / seen.length;
        return element("circle", { cx, cy, r: 4, opacity, class: "bench-state" });
      }),
      shape("last", at(seen[seen.length - 1])),
    );
  }

  function drawPredictions({ truth, next, step }) {
    predictions.replaceChildren(shape("truth", at(truth)), shape("descent", at(inside(step))), shape("other", at(inside(next))));
  }

  function drawKey() {
    const rows = [["last", "last state"], ["truth", "true next state"], ["other", "recursion"], ["descent", "gradient step"]];
    const above = frame.top > 0;
    names.replaceChildren(
      ...rows.flatMap(([role, name], i) => {
        const x = above ? 12 + 150 * (i % 2) : frame.right + 18;
        const y = above ? 12 + 26 * Math.floor(i / 2) : 26 + 26 * i;
        return [shape(role, [x, y]), element("text", { x: x + 18, y: y + 4, class: "bench-name" }, [name])];
      }),
    );
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
        const margin = width < 420 ? { left: 0, right: 0, top: 52, bottom: 0 } : { left: 0, right: 130, top: 0, bottom: 0 };
        const side = Math.min(width - margin.right, 400);
        const span = [-1.45, 1.45];
        frame = makeFrame({ width: side + margin.right, height: side + margin.top, margin, xs: span, ys: span });
        setAll(svg, { width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}` });
        drawKey();
        update();
      });
    },
  };
}
