"""A training killed without warning goes on from its checkpoint and ends at the same numbers, bit for bit."""

import signal
import subprocess
import sys

SCRIPT = """
import hashlib, sys, time
import jax, numpy as np
import mesascope as ms

def train(checkpoint, on_chunk=None):
    make_model = lambda key: ms.Transformer.initialise(2, key=key)
    config = ms.FitConfig(num_steps=60, batch_size=16, chunk_size=10)
    keys = jax.random.split(jax.random.key(0), 3)
    task = ms.LinearRegression(2, 2)
    trained = ms.fit_seeds(make_model, task, config, keys=keys, checkpoint=checkpoint, on_chunk=on_chunk)
    leaves = jax.tree.leaves((trained.losses, trained.snapshots))
    print(hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest(), flush=True)

def pause(step, losses):
    if step == 30:
        print("ready", flush=True)
        time.sleep(60)

"""


def start(call):
    return subprocess.Popen([sys.executable, "-c", SCRIPT + call], stdout=subprocess.PIPE, text=True)


def test_a_killed_training_goes_on_bit_for_bit(tmp_path):
    """In another process, as one does that was not interrupted."""
    whole, part = str(tmp_path / "whole"), str(tmp_path / "part")
    killed = start(f"train({whole!r})\ntrain({part!r}, pause)")
    uninterrupted = killed.stdout.readline()
    assert len(uninterrupted.strip()) == 64
    assert killed.stdout.readline() == "ready\n"
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(timeout=60) == -signal.SIGKILL
    killed.stdout.close()
    assert (tmp_path / "part").stat().st_size > 0
    going_on = start(f"train({part!r})")
    output, _ = going_on.communicate(timeout=120)
    assert (going_on.returncode, output) == (0, uninterrupted)
