"""Which algorithm runs in a folder with config.yaml and state.pt, the layout of Garg et al. 2022? One is made here.

A GPT-2 of two layers, trained for seconds, is none of these algorithms yet. `step=` reads a training's model_STEP.pt:
`ms.identify(ms.GargSubject.read(folder, step=5000), ...)`.
"""

import tempfile
from pathlib import Path

import jax
import torch

import mesascope as ms
from mesascope.interop.garg_model import GargTransformer

SIZES = {"n_dims": 2, "n_positions": 9, "n_embd": 32, "n_layer": 2, "n_head": 2}

torch.manual_seed(0)
torch.set_num_threads(1)
model = GargTransformer(**SIZES)
optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(200):
    xs = torch.randn(64, 9, 2)
    ys = (xs @ torch.randn(64, 2, 1))[..., 0]
    optimiser.zero_grad()
    torch.nn.functional.mse_loss(model(xs, ys), ys).backward()
    optimiser.step()

with tempfile.TemporaryDirectory() as folder:
    lines = ["model:", "  family: gpt2", *(f"  {name}: {size}" for name, size in SIZES.items())]
    (Path(folder) / "config.yaml").write_text("\n".join(lines))
    torch.save({"model_state_dict": model.state_dict()}, Path(folder) / "state.pt")
    task = ms.GaussianRegression(num_examples=8, dim_x=2)
    candidates = ["gradient-descent", "ridge", "least-squares", "nearest-neighbours", "mean-label", "zero"]
    print(ms.identify(folder, task, candidates, key=jax.random.key(0)))
