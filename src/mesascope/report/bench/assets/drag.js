// Marks of a drawing that a mouse, a pen, a finger and the arrow keys can move.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Gives the way to make a mark of `svg` movable: `at()` is where the mark is, in pixels; `place(x, y)` puts it there;
// `nudge(right, up, large)` moves it by a step; `key(name)` says whether it has used another key. Of marks that lie
// close together a pointer takes the nearest.
function movableMarks(svg) {
  const marks = new Map();
  let held = null;

  const pointer = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const nearest = (place) => {
    const there = [...marks.keys()].filter((mark) => mark.isConnected);
    const far = (mark) => distance(marks.get(mark).at(), place);
    return there.reduce((best, mark) => (far(mark) < far(best) ? mark : best));
  };

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest(".bench-mark")) return;
    event.preventDefault();
    const [x, y] = pointer(event);
    const mark = nearest([x, y]);
    const { at, place } = marks.get(mark);
    const [markX, markY] = at();
    held = { mark, move: (toX, toY) => place(markX + toX - x, markY + toY - y) };
    svg.setPointerCapture(event.pointerId);
    mark.focus({ preventScroll: true, focusVisible: false });
    mark.classList.add("bench-held");
  });
  svg.addEventListener("pointermove", (event) => held?.move(...pointer(event)));
  const release = () => {
    held?.mark.classList.remove("bench-held");
    held = null;
  };
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) => svg.addEventListener(name, release));

  return (mark, { at, place, nudge, key = () => false }) => {
    marks.set(mark, { at, place });
    mark.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = ARROWS[event.key];
      if (arrow) nudge(...arrow, event.shiftKey);
      if (arrow || key(event.key)) event.preventDefault();
    });
  };
}
