"""How a result came about: versions, machine, commit, time."""

import os
import platform
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.monitoring
import jax.numpy as jnp

from mesascope.extras import EXTRAS
from mesascope.random import generators
from mesascope.version import __version__

_PACKAGES = ("jax", "jaxlib", "numpy", "equinox", "optax")
_COMPILE_EVENT = "/jax/core/compile/backend_compile_duration"


class Stopwatch:
    """Measures a block: `seconds` on the wall, `compile_seconds` of them in the compiler or in reading its cache.

    Programs compiled at once on several threads each count in full.
    """

    def __init__(self):
        self.seconds = self.compile_seconds = 0.0

    def __enter__(self) -> "Stopwatch":
        self._started = time.perf_counter()
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.perf_counter() - self._started
        jax.monitoring.unregister_event_duration_listener(self._listen)

    def _listen(self, event: str, duration_secs: float, **_: Any) -> None:
        if event == _COMPILE_EVENT:
            self.compile_seconds += duration_secs


def provenance(stopwatch: Stopwatch) -> dict[str, Any]:
    """What there is to say about a computation that just ended in this process, as JSON-ready data."""
    device = jax.devices()[0]
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(stopwatch.seconds, 3),
        "compile_seconds": round(stopwatch.compile_seconds, 3),
        "versions": _versions(),
        "commit": _commit(),
        "platform": platform.platform(),
        "num_cpus": os.cpu_count(),
        "device": device.device_kind,
        "backend": device.platform,
        "num_devices": jax.device_count(),
        "precision": str(jnp.result_type(float)),
        "generators": generators(),
    }


@lru_cache
def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version(), "mesascope": __version__}
    for package in _PACKAGES:
        versions[package] = None
    for package in (*_PACKAGES, *EXTRAS["text"]):
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


@lru_cache
def _commit() -> str | None:
    """The commit of the git checkout this package is part of, "-dirty" if edited since; None outside of one."""
    try:
        _git("ls-files", "--error-unmatch", "__init__.py")  # an installed package may lie in somebody else's checkout
        return _git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str) -> str:
    command = ["git", "-C", str(Path(__file__).parents[1]), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
