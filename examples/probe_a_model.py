"""Train one attention layer and ask how closely it follows the best gradient step, in twenty lines."""

import jax

import mesascope as ms
from mesascope.theory.linear_regression import one_step_optimum

task = ms.LinearRegression(num_examples=5, dim_x=5)
config = ms.FitConfig(num_steps=2000, batch_size=512)
model = ms.Transformer.initialise(dim_x=5, key=jax.random.key(0))
trained = ms.fit(model, task, config, key=jax.random.key(1))

best = one_step_optimum(task.num_examples, task.dim_x, task.input_scale)
step = ms.GradientDescent(learning_rate=best.learning_rate)
prompts = task.sample_batch(jax.random.key(2), 5000)

for name, predictor in {"zero": ms.ZeroPredictor(), "one step": step, "trained": trained.model}.items():
    error = jax.jit(jax.vmap(lambda prompt, p=predictor: ms.squared_error(p, prompt)))(prompts).mean()
    print(f"{name:10} loss {error:.4f}")

aligned = jax.jit(jax.vmap(lambda prompt: ms.alignment(trained.model, step, prompt)))(prompts)
print(f"sensitivity cosine {aligned.sensitivity_cosine.mean():.4f}")
