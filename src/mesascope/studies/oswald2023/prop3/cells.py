"""Copying layers of explicit weights against the tokens they should make."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.constructions.copying import CopyingConstruction, linear_copying, softmax_copying, uncleared
from mesascope.models.attention import AbstractAttention
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023._shared.proposition import AbstractComparison


class CopyingErrors(NamedTuple):
    """Largest absolute errors [seeds]: of tokens that linear attention copies, of cleared tokens, of gradient steps."""

    linear: np.ndarray
    cleared: np.ndarray
    descent: np.ndarray


class SoftmaxErrors(NamedTuple):
    """Largest absolute errors: of tokens that a softmax copies [seeds scales], of steps on uncleared tokens [seeds]."""

    softmax: np.ndarray
    junk: np.ndarray


class AbstractCopyingComparison(AbstractComparison):
    """Layers of proposition 3 against what they are for."""

    def construction(self) -> CopyingConstruction:
        """The layers."""
        return CopyingConstruction(1.0, self.num_steps, self.num_examples, self.dim_x, self.dim_y)

    def sizes(self) -> tuple[int, int]:
        """Entries of a token before its position, and of a position."""
        tokens = self.construction().tokens()
        return tokens.tokens.dim_token, tokens.positions.dim

    def prompts(self, key: Key[Array, ""]) -> Prompt:
        """The prompts of one seed."""
        return self.construction().holds_on().sample_batch(key, self.num_prompts)

    def copied(self, layer: AbstractAttention, prompts: Prompt) -> Float[Array, ""]:
        """The largest error of a token that has a next one in the context, after this layer."""
        streams, _ = jax.vmap(self.construction().tokens().embed)(prompts)
        dim_content, dim_positions = self.sizes()
        contents = streams[:, :, :dim_content]
        following = jnp.pad(contents[:, 1:], ((0, 0), (0, 0), (0, dim_positions - dim_content)))
        pairs = jnp.concatenate([contents[:, :-1], following], axis=-1)
        return jnp.abs((streams + jax.vmap(layer)(streams, streams))[:, :-1] - pairs).max()


class CopyingComparison(AbstractCopyingComparison):
    """Linear attention that copies, a head that clears labels' tokens, and gradient steps on what these make."""

    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """`CopyingErrors` of one seed."""
        construction, prompts = self.construction(), self.prompts(key)
        expected = jax.vmap(construction.emulates())(prompts)
        contexts, queries = jax.vmap(construction.build().token_trajectory)(prompts)
        return {
            "linear": self.copied(linear_copying(*self.sizes()), prompts),
            "cleared": jnp.abs(contexts - jax.vmap(construction.emulated_context)(prompts)).max(),
            "descent": jnp.abs(jax.vmap(construction.tokens().read)(queries[:, -1]) - expected).max(),
        }


class SoftmaxComparison(AbstractCopyingComparison):
    """A softmax over logits of several scales that copies, and gradient steps where labels' tokens are not cleared."""

    logit_scales: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)

    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """`SoftmaxErrors` of one seed."""
        construction, prompts = self.construction(), self.prompts(key)
        expected = jax.vmap(construction.emulates())(prompts)
        junk = jax.vmap(uncleared(construction.build()))(prompts)

        def of_scale(scale: Float[Array, ""]) -> Float[Array, ""]:
            return self.copied(softmax_copying(*self.sizes(), scale), prompts)

        by_scale = jax.lax.map(of_scale, jnp.array(self.logit_scales))
        return {"softmax": by_scale, "junk": jnp.abs(junk - expected).max()}
