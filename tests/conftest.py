"""The whole suite runs in double precision, with every one of JAX's strictness switches on."""

import gc
import os
import signal
import threading
from importlib.metadata import version

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's products are small here: a second thread would only spin
os.environ.setdefault("OMP_NUM_THREADS", "1")  # PyTorch's and scikit-learn's, too
if version("jaxlib").startswith("0.10."):
    # Tests compile thousands of programs and run each for an instant. XLA ends the process at a flag that it doesn't
    # know, and other versions may know others.
    quick_compiler = (
        "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
        "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    )
    os.environ["XLA_FLAGS"] = f"{quick_compiler} {os.environ.get('XLA_FLAGS', '')}"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A suite in the background ignores Ctrl-C, and so would the programs whose Ctrl-C it tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)

import jax
import jaxtyping

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)
jaxtyping.install_import_hook("mesascope", "beartype.beartype")


@pytest.fixture(autouse=True, scope="module")
def _no_programs_of_other_files():
    """Thousands of compiled programs, kept, take gigabytes and slow down all that is compiled after them."""
    yield
    jax.clear_caches()


def pytest_collection_finish():
    """What is there before the first test stays to the end: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where MESASCOPE_REQUIRE_OPTIONAL is set, as in continuous integration, a test may not be skipped."""
    report = yield
    if report.skipped and os.environ.get("MESASCOPE_REQUIRE_OPTIONAL"):
        report.outcome, report.longrepr = "failed", f"skipped where nothing may be: {report.longrepr}"
    return report


@pytest.fixture
def as_installed():
    """As in a user's program: without the type checker of these tests, whose errors would come first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def key():
    return jax.random.key(20240)
