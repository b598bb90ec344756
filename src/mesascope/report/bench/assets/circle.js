// The states on the circle, the true next one, two predictions of it, and a handle that turns the rotation.

const HANDLE = 1.28; // its distance from the centre
const EDGE = 1.4; // what is farther from it is drawn here
const LARGEST = 1.2; // where states grow, all of them are drawn smaller, so that they stay within this
const KEY = [
  ["last", "last state"],
  ["truth", "true next state"],
  ["other", "recursion"],
  ["descent", "gradient step"],
];
const SHAPES = {
  last: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
  truth: "M-9,0a9,9 0 1,0 18,0a9,9 0 1,0 -18,0z",
  other: "M-7,0h14M0,-7v14",
  descent: "M-5.5,-5.5h11v11h-11z",
};

function shape(role, [x, y]) {
  return element("path", { d: SHAPES[role], transform: `translate(${x},${y})`, class: `bench-shape bench-${role}` });
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
  let [frame, angle, zoom] = [null, 0, 1];

  const at = ([x, y]) => [frame.x(x), frame.y(y)];
  const beyond = (state) => Math.hypot(...state) / zoom > EDGE;
  const atState = (state) => {
    const shrink = beyond(state) ? Math.hypot(...state) / EDGE : zoom;
    return at(state.map((entry) => entry / shrink));
  };
  const around = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;
  movableMarks(svg)(handle, {
    at: () => at(rotated([HANDLE, 0], angle, 1)),
    place: (x, y) => turn(Math.round((Math.atan2(frame.y.back(y), frame.x.back(x)) * 180) / Math.PI)),
    nudge: (right, up, large) => turn(around(angle + (right + up) * (large ? 10 : 1))),
    key: (name) => {
      if (name !== "Home" && name !== "End") return false;
      turn(name === "Home" ? -180 : 180);
      return true;
    },
  });

  function drawBack() {
    const along = (radius, degrees) => at(rotated([radius, 0], degrees, 1));
    const [cx, cy] = at([0, 0]);
    const unit = frame.x(1) - cx;
    const bend = `A${0.36 * unit},${0.36 * unit} 0 0,${angle < 0 ? 1 : 0} `;
    const [x, y] = along(0.52, angle / 2);
    back.replaceChildren(
      element("circle", { cx, cy, r: unit / zoom, class: "bench-axis" }),
      element("path", { d: `M${along(HANDLE, 0)}L${cx},${cy}L${along(HANDLE, angle)}`, class: "bench-spoke" }),
      element("path", { d: `M${along(0.36, 0)}${bend}${along(0.36, angle)}`, class: "bench-arc" }),
      element("text", { x, y: y + 4, "text-anchor": "middle", class: "bench-tick" }, [`${number(angle, 0)}°`]),
    );
  }

  function drawStates(seen) {
    states.replaceChildren(
      element("path", { d: `M${seen.map(atState).join("L")}`, class: "bench-trail" }),
      ...seen.map((each, i) => {
        const [cx, cy] = atState(each);
        const opacity = 0.35 + (0.65 * (i + 1)) / seen.length;
        return element("circle", { cx, cy, r: 4, opacity, class: "bench-state" });
      }),
      shape("last", atState(seen[seen.length - 1])),
    );
  }

  function drawPredictions({ truth, next, step }) {
    const shapes = [["truth", truth], ["descent", step], ["other", next]];
    const marks = shapes.map(([role, state]) => shape(role, atState(state)));
    marks.forEach((mark, i) => mark.classList.toggle("bench-beyond", beyond(shapes[i][1])));
    predictions.replaceChildren(...marks);
  }

  function drawKey() {
    const above = frame.top > 0;
    names.replaceChildren(
      ...KEY.flatMap(([role, name], i) => {
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
      zoom = Math.max(1, state.stretch ** state.length / LARGEST);
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
        const room = width < 420 ? { right: 0, top: 52 } : { right: 130, top: 0 }; // for the key
        const margin = { left: 0, bottom: 0, ...room };
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
