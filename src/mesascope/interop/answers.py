"""What a question to a subject must be, and its answer."""

from typing import Any

import numpy as np

from mesascope.subject import SubjectError
from mesascope.validation import check_finite_array, check_numbers

QUESTION = {"xs": "b n dx", "ys": "b n dy", "queries": "b m dx", "states": "b t d"}
FIXED = {
    "num_examples": ("xs", 1),
    "dim_x": ("xs", 2),
    "dim_y": ("ys", 2),
    "num_states": ("states", 1),
    "dim": ("states", 2),
}  # attributes of a subject, and the axis of the array that must have this size


def checked_question(subject: Any, question: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, of numpy; ValueError unless their shapes belong together and the subject takes prompts of such sizes.

    An axis of one letter has one size; there is a prompt or more, each of one query or more.
    """
    question = {name: np.asarray(array) for name, array in question.items()}
    sizes: dict[str, int] = {}
    for name, array in question.items():
        check_numbers(name, array, f"[{QUESTION[name]}]")
        check_finite_array(name, array)
        axes = QUESTION[name].split()
        if array.ndim != 3 or any(sizes.setdefault(*each) != each[1] for each in zip(axes, array.shape, strict=True)):
            wanted = ", ".join(f"`{each}` [{QUESTION[each]}]" for each in question)
            got = ", ".join(str(each.shape) for each in question.values())
            raise ValueError(f"A question must have {wanted}; got {got}.")
    if 0 in (size for axis, size in sizes.items() if axis != "n"):
        raise ValueError(f"A question must have one prompt, query and number or more; got sizes {sizes}.")
    for attribute, (name, axis) in FIXED.items():
        size = getattr(subject, attribute, None)
        if size is not None and name in question and question[name].shape[axis] != size:
            got = question[name].shape[axis]
            raise ValueError(f"`{name}` must have `{attribute}` {size} for {subject.name}; got {got}.")
    most = getattr(subject, "max_examples", None)
    if most is not None and "xs" in question and question["xs"].shape[1] > most + ("queries" not in question):
        raise ValueError(f"`xs` must have at most {most} examples for {subject.name}; got {question['xs'].shape[1]}.")
    return question


def checked_answer(name: str, method: str, answer: Any, axes: str, question: dict[str, np.ndarray]) -> np.ndarray:
    """The answer, half precision made single; SubjectError unless it has these axes and finite numbers.

    Axes that the question has not, `l` and `k`, may have any size but zero.
    """
    known = {
        axis: size
        for each, array in question.items()
        for axis, size in zip(QUESTION[each].split(), array.shape, strict=True)
    }
    told = f"`{name}` must answer for its {method} with"
    try:
        answer = np.asarray(answer)
    except Exception as error:
        raise SubjectError(f"{told} an array of numpy's; got {type(answer).__name__} ({error}).", question) from error
    shape = tuple(known.get(axis, size) for axis, size in zip(axes.split(), answer.shape, strict=False))
    if answer.shape != shape or answer.ndim != len(axes.split()) or 0 in answer.shape:
        wanted = ", ".join(str(known.get(axis, axis)) for axis in axes.split())
        raise SubjectError(f"{told} [{axes}], here [{wanted}]; got shape {answer.shape}.", question)
    if answer.dtype.name in ("float16", "bfloat16"):
        answer = answer.astype(np.float32)
    if answer.dtype.name not in ("float32", "float64", "complex64", "complex128"):
        raise SubjectError(
            f"{told} real or complex numbers of 32 or 64 bits; got {answer.dtype}. Convert them in the model.", question
        )
    broken = np.isfinite(answer)
    if not broken.all():
        batch = axes.split().index("b")
        index = np.argwhere(~np.moveaxis(broken, batch, 0))[0]
        prompt = int(index[0])
        one = {each: array[prompt : prompt + 1] for each, array in question.items()}
        raise SubjectError(f"{told} finite numbers; got {answer[~broken][0]} first for prompt {prompt}.", one)
    return answer
