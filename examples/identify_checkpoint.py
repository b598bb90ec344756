"""Train one linear attention layer, keep it in a file, and say which algorithm the model in that file runs."""

from pathlib import Path

import jax

import mesascope as ms

folder = Path("runs") / "one-layer"
folder.mkdir(parents=True, exist_ok=True)

task = ms.LinearRegression(num_examples=10, dim_x=5)
layer = ms.Transformer.initialise(dim_x=5, key=jax.random.key(0))
trained = ms.fit(layer, task, ms.FitConfig(num_steps=1000), key=jax.random.key(1))
ms.save(trained, folder / "layer.safetensors")

candidates = ["gradient-descent", "gd-plus-plus", "conjugate-gradient", "newton-schulz", "ridge", "least-squares"]
candidates += ["nearest-neighbours", "softmax-smoother", "mean-label", "zero"]
found = ms.identify(folder / "layer.safetensors", task, candidates, key=jax.random.key(2))
found.save(folder / "identification.safetensors")
ms.save_figures({"identification": found.figure()}, folder, ("png", "pdf"))
print(found)
print(f"\nThe layer, what was found and the figure lie in {folder}.")
