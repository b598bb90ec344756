"""The machine: one host device a core, and the compilation cache on disk. Set up when first needed, never on import."""

import contextlib
import os
from importlib.metadata import version
from pathlib import Path

import jax

KNOWS_EMITTERS = "0.10."  # versions of jaxlib; XLA ends the process at a flag that it does not know


def set_up_runtime() -> None:
    """Use every core as a device of its own, compile sooner, and keep compiled programs on disk; once is enough.

    A step of a small model keeps little more than one core busy, so seeds are spread over devices, on whose number the
    last bits of a training depend. Once JAX has started, its devices can no longer change, and what it has is used.
    The cache lies in `$JAX_COMPILATION_CACHE_DIR`, else in `$XDG_CACHE_HOME/mesascope/xla` or `~/.cache/mesascope/xla`.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    with contextlib.suppress(RuntimeError):  # JAX has started already: its devices and its compiler stay as they are
        if "xla_force_host_platform_device_count" not in flags:
            jax.config.update("jax_num_cpu_devices", num_cores())
        if "xla_cpu_use_fusion_emitters" not in flags and version("jaxlib").startswith(KNOWS_EMITTERS):
            # Half of a small study's time is compiling, which takes about a quarter less without these emitters.
            os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_use_fusion_emitters=false".strip()
    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache_home / "mesascope" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


def num_cores() -> int:
    """The cores this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
