"""Measurements of the networks of the sine waves."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.probes.alignment import sensitivity
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.measure import jit_once, mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig4_sine.network import AbstractSineNetwork
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.sinusoid import Sinusoid
from mesascope.tasks.tied_sinusoid import TiedSinusoid


class SineMeasures(NamedTuple):
    """Both networks after `steps` [snapshots] of training [seeds snapshots], and the step's rate at the end [seeds].

    Alignment is with the gradient step at the end of its training, as in the authors' code: over training only one
    side moves. `initial_distance` is that of the functions before the step. `pooled_cosine` is
    sum s t / sqrt(sum s^2 sum t^2) over the slopes s and t on all prompts. `loss_zero` is the zero predictor's loss and
    `target_size` the mean size of a target.
    """

    steps: np.ndarray
    loss_trained: np.ndarray
    loss_descent: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    sensitivity_distance: np.ndarray
    initial_distance: np.ndarray
    pooled_cosine: np.ndarray
    learning_rate: np.ndarray
    loss_zero: np.ndarray
    target_size: np.ndarray


class Waves(NamedTuple):
    """Waves to draw: the true functions [waves points] at `points`, their examples [waves n], the networks' functions.

    Those are before and after the step [seeds waves 2 points], at the end of training.
    """

    points: np.ndarray
    truth: np.ndarray
    xs: np.ndarray
    ys: np.ndarray
    trained: np.ndarray
    descent: np.ndarray


class Snapshots(NamedTuple):
    """Both networks on their way, and the gradient step at the end of its training."""

    trained: AbstractSineNetwork
    descent: AbstractSineNetwork
    reference: AbstractSineNetwork


class SineCell(AbstractConfig):
    """Both trainings, and on how many prompts their networks are compared."""

    task: TiedSinusoid | Sinusoid
    trained: Training
    descent: Training
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`SineMeasures`."""
        trained, descent = self.trained.trained(workspace), self.descent.trained(workspace)
        prompts, steps = validation(self.task, self.num_validation), trained.snapshot_steps
        reference = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:, None], len(steps), axis=1), descent.model)
        snapshots = Snapshots(trained.snapshots, descent.snapshots, reference)
        found = over_models(lambda each: _measures(each, prompts), snapshots, 2)
        workspace.report(1, 1, "compared")
        target = np.asarray(prompts.target)
        return SineMeasures(
            steps=steps,
            learning_rate=np.asarray(descent.model.learning_rate),
            loss_zero=np.asarray(np.mean(target**2) / 2),
            target_size=np.asarray(np.mean(np.abs(target))),
            **found,
        )._asdict()


class WavesCell(AbstractConfig):
    """Both trainings, and at how many points how many waves are drawn."""

    task: TiedSinusoid
    trained: Training
    descent: Training
    num_waves: int = 2
    num_points: int = 101

    def compute(self, workspace: Workspace) -> Arrays:
        """`Waves`."""
        points, truth, examples = jit_once(self.waves)()
        ends = {"trained": self.trained.trained(workspace).model, "descent": self.descent.trained(workspace).model}

        def curves(network: AbstractSineNetwork) -> Float[Array, "waves 2 points"]:
            def of_wave(prompt: Prompt) -> Float[Array, "2 points"]:
                return jax.vmap(lambda x: _answers(network, prompt.with_query(x)), out_axes=1)(points)

            return jax.vmap(of_wave)(examples)

        found = over_models(lambda networks: {name: curves(each) for name, each in networks.items()}, ends)
        workspace.report(1, 1, "drawn")
        inputs, labels = np.asarray(examples.xs)[..., 0], np.asarray(examples.ys)[..., 0]
        return Waves(np.asarray(points)[:, 0], np.asarray(truth)[..., 0], inputs, labels, **found)._asdict()

    def waves(self) -> tuple[Float[Array, "points 1"], Float[Array, "waves points 1"], Prompt]:
        """The inputs that waves are drawn at, the waves there, and their prompts."""
        keys = jax.random.split(seed_key(VALIDATION_SEED - 1), self.num_waves)
        draws = jax.vmap(self.task.draw)(keys)
        points = self.task.task.input_scale * jnp.linspace(-1.0, 1.0, self.num_points)[:, None]
        _, teachers, _ = draws
        truth = jax.vmap(lambda teacher: self.task.label(teacher, points))(teachers)
        return points, truth, jax.vmap(self.task.prompt)(draws)


def _measures(networks: Snapshots, prompts: Prompt) -> dict[str, Array]:
    ours, theirs = networks.trained, networks.reference
    initial = [jax.vmap(lambda prompt, each=each: _answers(each, prompt)[0])(prompts) for each in (ours, theirs)]
    slopes = [jax.vmap(lambda prompt, each=each: sensitivity(each, prompt))(prompts) for each in (ours, theirs)]
    sizes = [jnp.sqrt(jnp.sum(slope**2)) for slope in slopes]
    return {
        "loss_trained": mean_error(ours, prompts),
        "loss_descent": mean_error(networks.descent, prompts),
        "initial_distance": jnp.mean(jnp.abs(initial[0] - initial[1])),
        "pooled_cosine": jnp.sum(slopes[0] * slopes[1]) / (sizes[0] * sizes[1]),
        **mean_alignment(ours, theirs, prompts),
    }


def _answers(network: AbstractSineNetwork, prompt: Prompt) -> Float[Array, "2"]:
    """What the network answers before and after the step."""
    return network.transformer().trajectory(prompt)[:, 0]
