"""The machine: one host device a core, and the compilation cache on disk. Set up when first needed, never on import."""

import contextlib
import os
from importlib.metadata import version
from pathlib import Path

import jax

KNOWN_TO = "0.10."  # versions of jaxlib that know these flags: XLA ends the process at one that it does not know
FLAGS = {
    # Half of a small study's time is compiling, which takes about a quarter less without these emitters.
    "xla_cpu_use_fusion_emitters": "false",
    # Devices wait for each other. Where others use the cores as well that may take longer than the 40 seconds after
    # which XLA would end the process, and a training with it.
    "xla_cpu_collective_call_warn_stuck_timeout_seconds": "3600",
    "xla_cpu_collective_call_terminate_timeout_seconds": "86400",
}


def set_up_runtime(num_devices: int | None = None) -> None:
    """Use every core as a device of its own, compile sooner, and keep compiled programs on disk; once is enough.

    Another process that is to compute the same bits says how many devices it has.

    A step of a small model keeps little more than one core busy, so seeds are spread over devices, on whose number the
    last bits of a training depend. Once JAX has started, its devices can no longer change, and what it has is used.
    The cache lies in `$JAX_COMPILATION_CACHE_DIR`, else in `$XDG_CACHE_HOME/mesascope/xla` or `~/.cache/mesascope/xla`.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    with contextlib.suppress(RuntimeError):  # JAX has started already: its devices and its compiler stay as they are
        if "xla_force_host_platform_device_count" not in flags:
            jax.config.update("jax_num_cpu_devices", num_devices or num_cores())
        if version("jaxlib").startswith(KNOWN_TO):
            missing = [f"--{name}={value}" for name, value in FLAGS.items() if name not in flags]
            os.environ["XLA_FLAGS"] = " ".join([flags, *missing]).strip()
    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache_home / "mesascope" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


def num_cores() -> int:
    """The cores this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
