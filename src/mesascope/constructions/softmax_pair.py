"""Two softmax heads of opposite sign that come close to a step of centred gradient descent."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.centred_gradient_descent import CentredGradientDescent
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.validation import check_count, check_positive


class SoftmaxPair(eqx.Module):
    """Heads W_KQ = +- b sqrt(k) [[I, 0], [0, 0]], P W_V = +- learning_rate / (2b) [[0, 0], [0, -I]], k the key size.

    With scores z_i = x_i^T x their sum is -learning_rate / (2b) sum_i y_i (softmax_i(b z) - softmax_i(-b z)), and

        n / (2b) (softmax(b z) - softmax(-b z)) = z - zbar + O(b^2):

    the even powers of b cancel, the constant first of all. So the layer takes a step of centred gradient descent up to
    O(b^2), b the `inverse_temperature`; its 1/n is the softmax's own, whatever the number of examples. Every token is
    updated alike, (x_j, y_j) <- (x_j, y_j - dW x_j), and centring the new y_j gives the residuals of the next step: the
    layer repeated `num_steps` times takes as many. It comes close and is never equal, hence no `AbstractConstruction`.

    The idea is von Oswald et al. 2023, appendix A.9; that it is the centred step that is met is our derivation. sqrt(k)
    undoes the scale of `SoftmaxSelfAttention`. In floating point the difference of two softmaxes loses eps / b.
    """

    learning_rate: float | Inexact[Array, ""] = 1.0
    inverse_temperature: float | Inexact[Array, ""] = 0.01
    num_steps: int = eqx.field(static=True, default=1)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_positive("inverse_temperature", self.inverse_temperature)
        check_count("dim_x", self.dim_x)
        check_count("dim_y", self.dim_y)
        self.limit()  # checks the rate and the number of steps

    def build(self) -> Transformer:
        """The model, its weights set by hand."""
        dim_token = self.dim_x + self.dim_y
        identity = jnp.eye(dim_token)
        select_x = jnp.diag((jnp.arange(dim_token) < self.dim_x).astype(identity.dtype))
        sharpness = self.inverse_temperature * dim_token**0.5 * select_x
        size = self.learning_rate / (2 * self.inverse_temperature) * identity
        key, value = (jnp.stack([each, each]) for each in (select_x, select_x - identity))
        query, output = (jnp.stack([each, -each]) for each in (sharpness, size))
        layer = SoftmaxSelfAttention(key, query, value, output)
        return Transformer((layer,), JoinedTokens(self.dim_x, self.dim_y), num_repeats=self.num_steps)

    def limit(self) -> CentredGradientDescent:
        """What it tends to as the inverse temperature falls to zero, with an error of second order."""
        return CentredGradientDescent(self.learning_rate, self.num_steps)
