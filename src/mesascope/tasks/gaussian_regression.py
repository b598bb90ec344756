"""Linear regression on Gaussian inputs, and the same in the fewest examples with its second moments."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from mesascope.prompt import Prompt
from mesascope.random import normal
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._linear import AbstractLinearRegression
from mesascope.validation import check_class


class GaussianRegression(AbstractLinearRegression):
    """y = W x with x ~ N(0, input_scale^2 I) and the entries of W standard normal."""

    def unit_inputs(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return normal(key, shape)

    @classmethod
    def examples(cls) -> "tuple[GaussianRegression, ...]":
        return cls(num_examples=3, dim_x=2), cls(num_examples=2, dim_x=4, dim_y=3, input_scale=0.5, noise_std=0.3)


class SecondMoments(AbstractTask):
    """`task` in dim_x + dim_y examples whose second moments have the law of all `task.num_examples` of them.

    The N rows (x_i, noise_i) are a Gaussian matrix G = Q R, and R^T R = G^T G: the rows of the triangular R serve
    for those of G wherever examples enter through sums of products, as in linear attention and in gradient descent.
    R is drawn directly (Bartlett's decomposition of the Wishart law): normals above the diagonal, and on it the
    square roots of chi-square variables of N, N - 1, ... degrees of freedom. The cost does not depend on N. A predictor
    that counts its examples sees dim_x + dim_y: give its learning rate times (dim_x + dim_y) / N.
    """

    task: GaussianRegression

    def __check_init__(self):
        check_class("task", self.task, GaussianRegression, "Take one, as GaussianRegression(100, 10).")
        if self.task.num_examples < self.num_examples:
            raise ValueError(
                f"`task` must have at least {self.num_examples} examples, its dim_x + dim_y; "
                f"got {self.task.num_examples}. So few are best drawn themselves."
            )

    @property
    def num_examples(self) -> int:
        return self.dim_x + self.dim_y

    @property
    def dim_x(self) -> int:
        return self.task.dim_x

    @property
    def dim_y(self) -> int:
        return self.task.dim_y

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        above_key, diagonal_key, query_key, teacher_key = jax.random.split(key, 4)
        size = self.num_examples
        freedom = self.task.num_examples - jnp.arange(size, dtype=float)
        diagonal = jnp.sqrt(2 * jax.random.gamma(diagonal_key, freedom / 2))
        triangle = jnp.triu(normal(above_key, (size, size)), 1) + jnp.diag(diagonal)
        return triangle, normal(query_key, (self.dim_x,)), self.task.sample_teacher(teacher_key)

    def prompt(self, draws: PyTree[Array]) -> Prompt:
        triangle, query, teacher = draws
        xs, noise = jnp.split(triangle, [self.dim_x], axis=1)
        xs, query = self.task.input_scale * xs, self.task.input_scale * query
        ys = self.task.label(teacher, xs) + self.task.noise_std * noise
        return Prompt(xs, ys, query, self.task.label(teacher, query[None, :])[0])

    @classmethod
    def examples(cls) -> "tuple[SecondMoments, ...]":
        return (
            cls(GaussianRegression(num_examples=7, dim_x=2)),
            cls(GaussianRegression(num_examples=5, dim_x=3, dim_y=2, noise_std=0.3)),
        )
