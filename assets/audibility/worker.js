// The computing of the pictures, off the page's thread: no slider waits for it.

import { Levels, Model } from "./model.js";

let models = null;

onmessage = ({ data }) => {
  try {
    if (data.powers) setUp(data);
    else if (models) postMessage(evaluate(data)); // else it was told why not
  } catch (error) {
    postMessage({ fault: String(error.message ?? error) });
  }
};

function setUp({ powers, names, threshold, response, calibration }) {
  const levels = new Levels(new Float32Array(powers), names);
  models = { unaided: new Model(levels, threshold, calibration) };
  if (response) models.aided = new Model(levels, threshold, calibration, response);
}

/** Reports and levels of each kind, with power factors `factors[kind][stem][ear]`; and the levels before anything. */
function evaluate({ factors }) {
  const result = {};
  for (const [kind, model] of Object.entries(models)) {
    result[kind] = { ...model.report(factors[kind]), distribution: model.distribution(factors[kind]) };
  }
  const even = factors.unaided.map((ears) => ears.map(() => 1));
  result.before = models.unaided.distribution(even);
  return result;
}
