"""Train one attention layer and ask how closely it follows the best gradient step."""

import jax

import mesascope as ms

task = ms.LinearRegression(num_examples=5, dim_x=5)
config = ms.FitConfig(num_steps=2000, batch_size=512)
model = ms.Transformer.initialise(dim_x=5, key=jax.random.key(0))
trained = ms.fit(model, task, config, key=jax.random.key(1))

best = ms.one_step_optimum(task.num_examples, task.dim_x, task.input_scale)
references = {
    "the best gradient step": ms.GradientDescent(best.learning_rate),
    "ridge regression": ms.Ridge(0.1),
    "zero": ms.ZeroPredictor(),
}
print(ms.compare(trained.model, references, task, key=jax.random.key(2)))
