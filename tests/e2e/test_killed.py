"""A training killed without warning goes on from its checkpoint and ends at the same numbers, bit for bit."""

import signal
import subprocess
import sys

SCRIPT = """
import hashlib, sys, time
import jax, numpy as np
import mesascope as ms

def pause(step, losses):
    if step == int(sys.argv[2]):
        print("ready", flush=True)
        time.sleep(60)

make_model = lambda key: ms.Transformer.initialise(2, key=key)
config = ms.FitConfig(num_steps=60, batch_size=16, chunk_size=10)
keys = jax.random.split(jax.random.key(0), 3)
task = ms.LinearRegression(2, 2)
trained = ms.fit_seeds(make_model, task, config, keys=keys, checkpoint=sys.argv[1], on_chunk=pause)
leaves = jax.tree.leaves((trained.losses, trained.snapshots))
print(hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest())
"""


def start(checkpoint, pause_at):
    words = [sys.executable, "-c", SCRIPT, str(checkpoint), str(pause_at)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def finish(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.strip()


def test_a_killed_training_goes_on_bit_for_bit(tmp_path):
    uninterrupted = start(tmp_path / "whole", 0)
    killed = start(tmp_path / "killed", 30)
    assert killed.stdout.readline() == "ready\n"
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(timeout=60) == -signal.SIGKILL
    killed.stdout.close()
    assert (tmp_path / "killed").stat().st_size > 0
    assert finish(start(tmp_path / "killed", 0)) == finish(uninterrupted)
