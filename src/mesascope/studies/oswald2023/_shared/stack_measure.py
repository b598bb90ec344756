"""A trained stack of layers held against the best gradient descent and the best GD++ of as many steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.models.transformer import Transformer
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_rates
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_rates import Rivals, best_rivals
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of, losses_of_models, shifted_prompts
from mesascope.studies.oswald2023._shared.stack_gauge import interpolate_frames
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class StackCell(NamedTuple):
    """A training and the measurements made of it; `tied` says which GD++ it is held against."""

    training: Training
    num_validation: int
    num_snapshots: int
    input_scales: tuple[float, ...]
    tied: bool


def measure_stack(cell: StackCell, workspace: Workspace) -> Arrays:
    """Losses, alignment along the training, learned rates, halfway models and losses on scaled inputs."""
    trained = cell.training.trained(workspace)
    task: LinearRegression = cell.training.task
    depth = len(trained.model.layers) * trained.model.num_repeats
    workspace.report(1, 3, "best gradient descent and GD++")
    rivals = best_rivals(task, depth)
    chosen = rivals.gdpp_tied if cell.tied else rivals.gdpp
    descent = rivals.gd_tied if cell.tied else rivals.gd
    prompts = validation(task, cell.num_validation)
    workspace.report(2, 3, "losses and alignment")
    reference = stack_of(chosen, task, trained.model.token_bound)

    def at_end(model: Transformer) -> dict[str, Array]:
        models = {"trained": model, "halfway": interpolate(model.canonical(), reference.canonical())}
        models |= {"frames": interpolate_frames(model, reference, prompts)} if not cell.tied else {}
        losses = {f"loss_{name}": mean_error(each, prompts) for name, each in models.items()}
        read = jax.vmap(lambda kq, pv: learned_rates(kq, pv, task.dim_x, task.num_examples))(*_first_heads(model))
        rates, curvatures = (jnp.repeat(each, depth // each.size, total_repeat_length=depth) for each in read)
        losses["loss_read"] = mean_error(GDPlusPlus(rates, curvatures, depth), prompts)
        return {**losses, "learning_rate": rates, "curvature": curvatures}

    def along(model: Transformer) -> dict[str, Array]:
        against = {"gd": descent, "gdpp": chosen}
        aligned = {f"{n}_{k}": v for n, r in against.items() for k, v in mean_alignment(model, r, prompts).items()}
        return {"validation_loss": mean_error(model, prompts), **aligned}

    shifted = shifted_prompts(task, Shifts(input_scales=cell.input_scales), cell.num_validation)
    away = {
        "input_scale_trained": losses_of_models(trained.model, shifted),
        "input_scale_gd": losses_of(descent, shifted)[None],
        "input_scale_gdpp": losses_of(chosen, shifted)[None],
    }

    snapshots, steps = every(trained, cell.num_snapshots)
    best = {f"best_{name}": np.asarray(getattr(chosen, name)) for name in ("learning_rate", "curvature")}
    return {
        **best,
        **rival_losses(rivals, prompts),
        **over_models(at_end, trained.model),
        **over_models(along, snapshots, 2),
        **away,
        "snapshot_steps": steps,
    }


def rival_losses(rivals: Rivals, prompts: Prompt) -> Arrays:
    """Every rival's loss, as "loss_" and its name."""
    compiled = jax.jit(lambda all_rivals: {name: mean_error(r, prompts) for name, r in all_rivals._asdict().items()})
    return {f"loss_{name}": np.asarray(loss) for name, loss in compiled(rivals).items()}


def _first_heads(model: Transformer) -> tuple[Array, Array]:
    key_query, output_value = model.products()
    return key_query[:, 0], output_value[:, 0]
