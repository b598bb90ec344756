"""Whether rates and penalties keep their size with the number of examples, or the sum that they multiply does."""

import numpy as np

from mesascope.candidate import Candidate
from mesascope.identify.environments import by_law
from mesascope.identify.judge import Evidence
from mesascope.identify.score import predictions
from mesascope.probes.distance import prompt_sums, squared_distance


def of_other_convention(evidence: Evidence, choice: str, broken: list[str], limit: float) -> list[str]:
    """The laws among `broken` under which the choice holds with its rates and penalties in proportion to N.

    A candidate's rate is of the mean over examples, and a layer's of their sum: at one N they are the same algorithm,
    and at another N the rate of the mean is N times that of the sum.
    """
    trial, found = evidence.trials[choice], evidence.fits[choice]
    if not isinstance(trial.candidate, Candidate):
        return []
    moved = [each.name for each in trial.candidate.parameters if "rate" in each.name or each.name == "penalty"]
    usual, holds = evidence.scene.scale.num_examples, []
    for law, parts in by_law([each.environment for each in evidence.scored if each.environment.law in broken]):
        factor = parts[0].num_examples / usual
        if not moved or len(parts) > 1 or factor == 1:
            continue
        parameters = {name: value * factor if name in moved else value for name, value in found.parameters.items()}
        answers = next(each.answers for each in evidence.scored if each.environment is parts[0])
        sums = prompt_sums(answers, predictions(trial, found._replace(parameters=parameters), parts[0]))
        if np.sqrt(squared_distance(sums).value) <= limit:
            holds.append(law)
    return holds
