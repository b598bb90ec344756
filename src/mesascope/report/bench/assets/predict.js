// The predictors of the benches, as mesascope has them in Python: the tests hold one against the other.
// Inputs and labels are lists of numbers, states lists of vectors. Nothing here knows the page.

function dot(left, right) {
  return left.reduce((sum, entry, i) => sum + entry * right[i], 0);
}

function times(matrix, vector) {
  return matrix.map((row) => dot(row, vector));
}

function distance(left, right) {
  return Math.hypot(...left.map((entry, i) => entry - right[i]));
}

// One layer of linear self-attention: minus the last entry of e + P W_V (sum_i e_i e_i^T) W_KQ e, with e_i = (x_i, y_i)
// and e = (query, 0).
function layerPrediction(layer, xs, ys, query) {
  const asked = times(layer.key_query, [query, 0]);
  const read = [0, 0];
  xs.forEach((x, i) => {
    const score = dot([x, ys[i]], asked);
    read[0] += score * x;
    read[1] += score * ys[i];
  });
  return -times(layer.output_value, read)[1];
}

// The learning rate of the gradient step inside the layer, on this many examples: it sums where a step takes the mean.
function layerRate(layer, numExamples) {
  const [[kx], [ky]] = layer.key_query;
  const [px, py] = layer.output_value[1];
  return -numExamples * (px * ky + py * kx);
}

// The slope after `numSteps` steps w <- w - rate / n sum_i (w x_i - y_i) x_i from w = 0.
function descentSlope(xs, ys, rate, numSteps) {
  const moment = dot(xs, xs);
  const cross = dot(xs, ys);
  let slope = 0;
  for (let step = 0; step < numSteps; step += 1) {
    slope -= (rate / Math.max(xs.length, 1)) * (slope * moment - cross);
  }
  return slope;
}

// The slope w that minimises sum_i (w x_i - y_i)^2 + penalty w^2.
function ridgeSlope(xs, ys, penalty) {
  const curvature = dot(xs, xs) + penalty;
  return curvature === 0 ? 0 : dot(xs, ys) / curvature;
}

function leastSquaresSlope(xs, ys) {
  return ridgeSlope(xs, ys, 0);
}

// s_{T+1} = c s_T - s_{T-1} with the c = 2 cos(angle) that fits s_{t+1} + s_{t-1} = c s_t best over the states before.
// Where no c is known, as before the third state, it keeps the last state, and `cosine` is null.
function recursion(states) {
  let above = 0;
  let below = 0;
  for (let t = 1; t + 1 < states.length; t += 1) {
    above += dot(states[t], states[t - 1]) + dot(states[t], states[t + 1]);
    below += dot(states[t], states[t]);
  }
  const last = states[states.length - 1];
  if (below === 0) return { cosine: null, next: last };
  const before = states[states.length - 2];
  const double = above / below;
  return { cosine: double / 2, next: last.map((entry, i) => double * entry - before[i]) };
}

// One gradient step from W = 0 on 1/2 sum_j |s_{j+1} - W s_j|^2: W = c sum_j s_{j+1} s_j^T, and its prediction W s_T.
function stepAlongSequence(states, coefficient) {
  const last = states[states.length - 1];
  const next = last.map(() => 0);
  for (let j = 0; j + 1 < states.length; j += 1) {
    const weight = coefficient * dot(states[j], last);
    states[j + 1].forEach((entry, i) => {
      next[i] += weight * entry;
    });
  }
  return next;
}
