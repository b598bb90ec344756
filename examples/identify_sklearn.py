"""Which algorithm is an estimator of scikit-learn? It is fitted to the examples of each prompt, then asked."""

import jax
from sklearn.linear_model import Ridge

import mesascope as ms

task = ms.GaussianRegression(num_examples=10, dim_x=5)
candidates = ["gradient-descent", "ridge", "ridge-with-intercept", "least-squares"]
print(ms.identify(Ridge(0.5, fit_intercept=False), task, candidates, key=jax.random.key(0)))
