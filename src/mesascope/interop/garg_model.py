"""The Transformer of Garg et al. 2022, by the names that their checkpoints have; imported where PyTorch is there."""

import torch
from transformers import GPT2Config, GPT2Model


class GargTransformer(torch.nn.Module):
    """GPT-2 between a linear map of tokens and a linear map to one number, for sequences x_1, y_1, x_2, y_2, ...

    Labels are zero-padded to `n_dims`, there is no dropout, and the answers [b n] are read at the inputs. `n_positions`
    counts pairs of an input and a label (Garg et al. 2022, section 2 and appendix A).
    """

    def __init__(self, n_dims: int, n_positions: int, n_embd: int, n_layer: int, n_head: int):
        super().__init__()
        self.n_dims, self.n_positions = n_dims, n_positions
        dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        config = GPT2Config(
            n_positions=2 * n_positions, n_embd=n_embd, n_layer=n_layer, n_head=n_head, use_cache=False, **dropout
        )
        self._read_in = torch.nn.Linear(n_dims, n_embd)
        self._backbone = GPT2Model(config)
        self._read_out = torch.nn.Linear(n_embd, 1)

    def forward(self, xs: torch.Tensor, ys: torch.Tensor, inds: list[int] | None = None) -> torch.Tensor:
        """The predictions [b n] for every input of xs [b n dx] after the examples before it, or at `inds` alone."""
        padded = torch.nn.functional.pad(ys[..., None], (0, xs.shape[-1] - 1))
        tokens = torch.stack([xs, padded], dim=2).flatten(1, 2)
        states = self._backbone(inputs_embeds=self._read_in(tokens)).last_hidden_state
        answers = self._read_out(states)[:, ::2, 0]
        return answers if inds is None else answers[:, inds]
