// A mark that a mouse, a pen, a finger and the arrow keys can move.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// `at()` is where the mark is, in pixels; `place(x, y)` puts it there; `nudge(right, up, large)` moves it by a step.
function makeMovable(mark, svg, { at, place, nudge, key = () => false }) {
  let held = null;
  const pointer = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  mark.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const [x, y] = pointer(event);
    const [markX, markY] = at();
    held = [markX - x, markY - y];
    mark.setPointerCapture(event.pointerId);
    mark.focus({ preventScroll: true, focusVisible: false });
    mark.classList.add("bench-held");
  });
  mark.addEventListener("pointermove", (event) => {
    if (held === null) return;
    const [x, y] = pointer(event);
    place(x + held[0], y + held[1]);
  });
  const release = () => {
    held = null;
    mark.classList.remove("bench-held");
  };
  mark.addEventListener("pointerup", release);
  mark.addEventListener("pointercancel", release);
  mark.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) nudge(...arrow, event.shiftKey);
    if (arrow || key(event.key)) event.preventDefault();
  });
}
