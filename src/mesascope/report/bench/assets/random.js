// Random numbers that are the same for the same seed, in every browser.

// Uniform numbers between 0 and 1: a counter through a mixing function of 32 bits (Tommy Ettinger's mulberry32).
function uniforms(seed) {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x6d2b79f5) >>> 0;
    let word = Math.imul(counter ^ (counter >>> 15), counter | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 4294967296;
  };
}

// Standard normal numbers, after Box and Muller.
function normals(seed) {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
