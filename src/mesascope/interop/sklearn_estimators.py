"""An estimator of scikit-learn as a subject: fitted to each prompt's examples, asked for all of its queries."""

from typing import Any

import numpy as np

from mesascope.extras import check_extra
from mesascope.subject import AbstractSubject, SubjectError


class EstimatorSubject(AbstractSubject):
    """A regressor with `fit(X, y)` and `predict(X)`, cloned for every prompt; the one that is given stays as it is.

    Labels of one number go in as y [n]. SubjectError where it cannot be fitted, as nearest neighbours to too few
    examples. Cost: a fit a prompt.
    """

    def __init__(self, estimator: Any, *, name: str | None = None):
        check_extra("sklearn")
        if isinstance(estimator, type):
            raise ValueError(
                f"`estimator` must be an estimator; got the class {estimator.__name__} itself. "
                f"Make one: `{estimator.__name__}()`."
            )
        if not all(callable(getattr(estimator, method, None)) for method in ("fit", "predict", "get_params")):
            raise ValueError(
                f"`estimator` must have `fit`, `predict` and `get_params`; got {type(estimator).__name__}. "
                "Give a regressor of scikit-learn, as `Ridge()`."
            )
        self.estimator, self.name = estimator, name or type(estimator).__name__

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return np.stack([self._of_prompt(*prompt) for prompt in zip(xs, ys, queries, strict=True)])

    def _of_prompt(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        from sklearn.base import clone

        labels = ys[:, 0] if ys.shape[1] == 1 else ys
        fresh: Any = clone(self.estimator)
        try:
            answers = np.asarray(fresh.fit(xs, labels).predict(queries))
        except Exception as error:
            raise SubjectError(
                f"`{self.name}` must be fitted to a prompt's examples and asked; got {type(error).__name__} for xs "
                f"{xs.shape}, ys {labels.shape}, queries {queries.shape}: {error}",
                {"xs": xs[None], "ys": ys[None], "queries": queries[None]},
            ) from error
        return answers[:, None] if answers.ndim == 1 else answers
