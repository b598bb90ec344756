// The points of a plane: each a mark that moves, with a label that may be noisy.

const REACH = { x: 1.2, y: 2.9 }; // how far a point can be moved
const STEPS = { small: 0.05, large: 0.25 };

function firstPoints(numPoints, seed) {
  const uniform = uniforms(seed);
  return Array.from({ length: numPoints }, (_, i) => {
    const x = clamp(-0.8 + (1.6 * (i + uniform() - 0.5)) / (numPoints - 1), -1, 1);
    return { x, clean: 1.5 * x, noise: 0 };
  });
}

function labelOf(point, noise) {
  return point.clean + noise * point.noise;
}

// Marks for the points of `state`, in `group`. `changed()` is called when one was moved, `remove(point)` to remove one.
function pointMarks(svg, group, state, { changed, remove }) {
  const marks = new Map();
  const movable = movableMarks(svg);
  let frame = null;

  const at = (point) => [frame.x(point.x), frame.y(clamp(labelOf(point, state.noise), ...PLANE.ys))];
  const put = (point, x, y) => {
    point.x = clamp(x, -REACH.x, REACH.x);
    point.clean = clamp(y, -REACH.y, REACH.y) - state.noise * point.noise;
    changed();
  };

  function makeMark(point) {
    const [valuemin, valuemax] = PLANE.ys;
    const mark = element(
      "g",
      {
        class: "bench-mark", tabindex: 0, role: "slider",
        "aria-roledescription": "point", "aria-valuemin": valuemin, "aria-valuemax": valuemax,
      },
      [
        element("circle", { r: 20, class: "bench-hit" }),
        element("circle", { r: 11, class: "bench-ring" }),
        element("circle", { r: 5.5, class: "bench-point" }),
      ],
    );
    mark.addEventListener("focus", () => {
      state.chosen = point;
    });
    movable(mark, {
      at: () => at(point),
      place: (x, y) => put(point, frame.x.back(x), frame.y.back(y)),
      nudge: (right, up, large) => {
        const step = large ? STEPS.large : STEPS.small;
        put(point, point.x + right * step, labelOf(point, state.noise) + up * step);
      },
      key: (name) => {
        if (name !== "Delete" && name !== "Backspace") return false;
        remove(point);
        marks.get(state.chosen).focus();
        return true;
      },
    });
    group.append(mark);
    return mark;
  }

  return (newFrame) => {
    frame = newFrame;
    [...marks.keys()].filter((point) => !state.points.includes(point)).forEach((point) => {
      marks.get(point).remove();
      marks.delete(point);
    });
    state.points.forEach((point, i) => {
      if (!marks.has(point)) marks.set(point, makeMark(point));
      const y = labelOf(point, state.noise);
      setAll(marks.get(point), {
        transform: `translate(${at(point)})`,
        "aria-label": `Point ${i + 1} of ${state.points.length}`,
        "aria-valuenow": clamp(y, ...PLANE.ys).toFixed(2),
        "aria-valuetext": `x ${fixed(point.x)}, y ${fixed(y)}`,
      });
    });
  };
}
