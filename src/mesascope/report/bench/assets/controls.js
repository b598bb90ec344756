// Sliders and buttons, and the words for numbers.

function number(value, digits = 2) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "too large";
  if (size >= 1e4) return power(value);
  return String(Number(value.toFixed(digits))).replace("-", "\u2212");
}

function fixed(value, digits = 2) {
  const size = Math.abs(value);
  if (!(size < 1e4)) return number(value);
  return (size < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "\u2212");
}

function power(value) {
  const [digits, exponent] = value.toExponential(1).split("e");
  const raised = [...String(Number(exponent))].map((sign) => "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[sign] ?? "\u207b");
  return `${digits}\u00b7`.replace("-", "\u2212") + `10${raised.join("")}`;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// Join a slider of the page to a field of `state`: what it shows and says is `words(value)`. Gives the way to set it.
function bindSlider(root, state, name, words, changed) {
  const input = root.querySelector(`input[name="${name}"]`);
  const shown = root.querySelector(`[data-value="${name}"]`);
  const show = () => {
    input.value = state[name];
    shown.textContent = words(state[name]);
    input.setAttribute("aria-valuetext", words(state[name]));
    const share = (state[name] - input.min) / (input.max - input.min);
    input.style.setProperty("--share", `${100 * clamp(share, 0, 1)}%`);
  };
  input.addEventListener("input", () => {
    state[name] = Number(input.value);
    show();
    changed();
  });
  show();
  return (value) => {
    state[name] = value;
    show();
    changed();
  };
}

function bindButton(root, name, press) {
  const button = root.querySelector(`button[name="${name}"]`);
  button.addEventListener("click", press);
  return button;
}

// Tell a reader who hears the page how things stand, once they have stood still for a moment.
function teller(place) {
  let timer;
  return (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      place.textContent = words;
    }, 700);
  };
}
