"""Checks of a configuration's numbers: they run when an object is made, never inside a compiled program."""

import inspect
import math
from collections.abc import Collection
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from mesascope.spelling import did_you_mean

LARGEST_COUNT = 10**9  # of whose squares an array can still be thought of, in 64 bits
LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 1_000_000


def check_count(name: str, value: Any, minimum: int = 1, maximum: int = LARGEST_COUNT) -> None:
    """Raise ValueError unless `value` is an integer of at least `minimum` and at most `maximum`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"`{name}` must be an integer of at least {minimum}; got {value!r}.")
    if value > maximum:
        raise ValueError(f"`{name}` must be at most {maximum}; got {value!r}. Choose a smaller number.")


def check_seed(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a seed that no other one shares its key with."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value <= LARGEST_SEED:
        raise ValueError(
            f"`{name}` must be an integer from 0 to 2^32 - 1 ({LARGEST_SEED}), beyond which seeds give the same "
            f"numbers again; got {value!r}. Choose another."
        )


def check_seeds(seeds: Any, first_seed: Any = 0) -> None:
    """Raise ValueError unless `seeds` is a number of seeds that can be counted from `first_seed`."""
    check_count("seeds", seeds, maximum=MOST_SEEDS)
    check_seed("first_seed", first_seed)
    if int(first_seed) + int(seeds) - 1 > LARGEST_SEED:
        raise ValueError(
            f"the last of `seeds` must be at most 2^32 - 1 ({LARGEST_SEED}); got {seeds} from `first_seed` "
            f"{first_seed}. Begin at a smaller one."
        )


def check_positive(name: str, value: Any) -> None:
    """Raise ValueError unless every entry of `value` is a finite number above zero."""
    _check_entries(name, value, "positive and finite", lambda entry: entry > 0)


def check_non_negative(name: str, value: Any) -> None:
    """Raise ValueError unless every entry of `value` is a finite number, zero or above."""
    _check_entries(name, value, "zero or positive, and finite", lambda entry: entry >= 0)


def check_between(name: str, value: Any, least: int | float, most: int | float) -> None:
    """Raise ValueError unless every entry of `value` is a number from `least` to `most`."""
    _check_entries(name, value, f"from {least} to {most}", lambda entry: least <= entry <= most)


def check_finite(name: str, value: Any) -> None:
    """Raise ValueError unless every entry of `value` is a finite number."""
    _check_entries(name, value, "finite", lambda entry: True)


def check_states(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is an array of real or complex numbers [..., t d]."""
    check_numbers(name, value, "[t d]")
    if value.ndim < 2:
        raise ValueError(f"`{name}` must be an array [t d], a row a state; got shape {value.shape}.")
    if 0 in value.shape[-2:]:
        raise ValueError(f"`{name}` must be one or more, each of one number or more; got shape {value.shape}.")


def check_numbers(name: str, value: Any, axes: str) -> None:
    """Raise ValueError, with the `axes` wanted, unless `value` is an array of numbers that sums can be taken of."""
    if not isinstance(value, (jax.Array, np.ndarray)) or not _is_inexact(value.dtype):
        raise ValueError(
            f"`{name}` must be an array {axes} of real or complex numbers; got {_kind_of(value)}. "
            f"Whole numbers and lists become one by `jnp.asarray({name}, float)`."
        )
    check_precision(name, value.dtype, f"Convert it: `{name}.astype('float32')`.")


def check_precision(name: str, dtype: Any, advice: str) -> None:
    """Raise ValueError, with `advice`, for numbers of fewer than 32 bits."""
    if jnp.finfo(dtype).bits < 32:
        raise ValueError(
            f"`{name}` must have numbers of 32 bits or more, since sums of shorter ones overflow or lose their digits; "
            f"got {dtype}. {advice}"
        )


def check_finite_array(name: str, value: Any) -> None:
    """Raise ValueError unless all numbers of an array, where it has any yet, are finite."""
    if isinstance(value, jax.core.Tracer):
        return
    broken = np.argwhere(~np.isfinite(value))
    if broken.size:
        raise ValueError(f"`{name}` must be finite; {len(broken)} numbers are not, the first at {broken[0].tolist()}.")


def check_real_array(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is an array of floating real numbers."""
    if not isinstance(value, (jax.Array, np.ndarray)) or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(
            f"`{name}` must be an array of real floating numbers; got {_kind_of(value)}. "
            f"Whole numbers and lists become one by `jnp.asarray({name}, float)`."
        )


def check_class(name: str, value: Any, kind: type | tuple[type, ...], advice: str) -> None:
    """Raise ValueError, with `advice` on how to come by one, unless `value` is an object of class `kind`."""
    if not isinstance(value, kind):
        kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise ValueError(f"`{name}` must be an object of class {kinds}; got {_kind_of(value)}. {advice}")


def check_subclass(name: str, value: Any, kind: type) -> None:
    """Raise ValueError unless `value` is a class below `kind`: the class itself, no object of it."""
    if not isinstance(value, type) or not issubclass(value, kind):
        below = ", ".join(each.__name__ for each in kind.__subclasses__()) or kind.__name__
        raise ValueError(f"`{name}` must be a class below {kind.__name__}; got {_kind_of(value)}. There are: {below}.")


def check_callable(name: str, value: Any, num_arguments: int, advice: str) -> None:
    """Raise ValueError, with `advice` on what it is called with, unless `value` takes so many arguments."""
    if not callable(value):
        raise ValueError(f"`{name}` must be a function; got {_kind_of(value)}. {advice}")
    try:
        inspect.signature(value).bind(*range(num_arguments))
    except TypeError as error:
        got = getattr(value, "__name__", type(value).__name__)
        arguments = "one argument" if num_arguments == 1 else f"{num_arguments} arguments"
        raise ValueError(f"`{name}` must take {arguments}; got {got}, which does not ({error}). {advice}") from None
    except ValueError:
        return  # a function whose signature nobody knows


def check_known(name: str, value: Any, known: Collection[str]) -> None:
    """Raise ValueError, with the nearest there is, unless `value` is one of these words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}; got {value!r}.{did_you_mean(value, known)}")


def check_key(name: str, value: Any, ndim: int = 0) -> None:
    """Raise ValueError unless `value` is a key of JAX's, or an array of them with `ndim` axes."""
    if not isinstance(value, jax.Array) or not jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"`{name}` must be {'keys' if ndim else 'a key'} of `jax.random`; got {_kind_of(value)}. Make "
            + ("them: `jax.random.split(jax.random.key(0), 5)`." if ndim else "one: `jax.random.key(0)`.")
        )
    if value.ndim != ndim:
        wanted = "an array of keys" if ndim else "one key"
        raise ValueError(f"`{name}` must be {wanted}; got keys of shape {value.shape}.")
    if value.size == 0:
        raise ValueError(f"`{name}` must hold one key or more; got none.")


def check_axis(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is an array of one axis, and of one number or more."""
    if not isinstance(value, (jax.Array, np.ndarray)) or value.ndim != 1 or not len(value):
        raise ValueError(
            f"`{name}` must be an array of one axis; got {_kind_of(value)}. Make it one: `jnp.asarray([0.5, 1.0])`."
        )


def check_shape(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `value` has this shape."""
    if np.shape(value) != shape:
        raise ValueError(f"`{name}` must have shape {shape}; got {np.shape(value)}.")


def check_covariance(name: str, value: Any, size: int) -> None:
    """Raise ValueError unless `value` is a covariance of `size` numbers: equal to its adjoint, with no direction < 0.

    Both up to rounding. Of an array without numbers yet only the shape is asked.
    """
    check_numbers(name, value, "[k k]")
    check_shape(name, value, (size, size))
    if isinstance(value, jax.core.Tracer):
        return
    check_finite_array(name, value)
    matrix = np.asarray(value)
    rounding = 100 * size * np.finfo(matrix.dtype).eps * np.abs(matrix).max(initial=0)
    if np.abs(matrix - matrix.conj().T).max(initial=0) > rounding:
        raise ValueError(f"`{name}` must be equal to its adjoint, as a covariance is. Take `(m + m.conj().T) / 2`.")
    least = np.linalg.eigvalsh(matrix).min(initial=0)
    if least < -rounding:
        raise ValueError(f"`{name}` must have no negative eigenvalue, as a covariance has none; got {least:.3g}.")


def _is_inexact(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.inexact)  # knows of the short floats, too


def _kind_of(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    if not isinstance(value, (jax.Array, np.ndarray)):
        return type(value).__name__
    return f"shape {value.shape} of {value.dtype}"


def _check_entries(name: str, value: Any, requirement: str, holds) -> None:
    if isinstance(value, jax.core.Tracer):
        return  # it has no number yet
    entries = np.asarray(value).ravel()
    if entries.dtype.kind not in "iufc" or not all(math.isfinite(abs(e)) and holds(e.real) for e in entries):
        raise ValueError(f"`{name}` must be {requirement}; got {value!r}.")
