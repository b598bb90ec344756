"""Which algorithm does a module of PyTorch run? This one is a head of linear attention, trained here for seconds."""

import jax
import torch

import mesascope as ms

NUM_EXAMPLES, DIM_X, NUM_STEPS = 10, 5, 800


class Attention(torch.nn.Module):
    """From the queries to the examples: xs [b n dx], ys [b n dy], queries [b m dx] -> [b m dy]."""

    def __init__(self):
        super().__init__()
        self.query, self.key = (torch.nn.Linear(DIM_X, DIM_X, bias=False) for _ in range(2))

    def forward(self, xs, ys, queries):
        return self.query(queries) @ self.key(xs).mT @ ys


torch.manual_seed(0)
torch.set_num_threads(1)
model = Attention()
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, NUM_STEPS)
for _ in range(NUM_STEPS):
    inputs = torch.rand(512, NUM_EXAMPLES + 1, DIM_X) - 0.5
    labels = inputs @ torch.randn(512, DIM_X, 1)
    answers = model(inputs[:, :-1], labels[:, :-1], inputs[:, -1:])
    optimiser.zero_grad()
    torch.nn.functional.mse_loss(answers, labels[:, -1:]).backward()
    optimiser.step()
    decay.step()

task = ms.LinearRegression(num_examples=NUM_EXAMPLES, dim_x=DIM_X)
candidates = ["gradient-descent", "delta-rule", "ridge", "least-squares", "softmax-smoother", "zero"]
print(ms.identify(model, task, candidates, key=jax.random.key(0)))
