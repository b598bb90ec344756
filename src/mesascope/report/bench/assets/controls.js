// Sliders, buttons, and what is said of them.

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

// Tell a reader who hears the page, and is at this bench, how things stand once they have stood still for a moment.
function teller(root) {
  let timer;
  return (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (root.contains(document.activeElement)) root.querySelector('[role="status"]').textContent = words;
    }, 700);
  };
}
