// Numbers in words.

const EXACT = 1e-12; // errors below it are rounding

function number(value, digits = 2) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "too large";
  if (size >= 1e4) return power(value);
  return String(Number(value.toFixed(digits))).replace("-", "−");
}

function fixed(value, digits = 2) {
  const size = Math.abs(value);
  if (!(size < 1e4)) return number(value);
  return (size < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−");
}

function power(value) {
  const [digits, exponent] = value.toExponential(1).split("e");
  const raised = [...String(Number(exponent))].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻");
  return `${digits}·10${raised.join("")}`.replace("-", "−");
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// An error that is zero but for rounding is said to be so.
function inWords(error) {
  if (error < EXACT) return "0, up to rounding";
  return error < 0.0005 ? power(error) : fixed(error, 3);
}
