"""A process that runs the tutorial with flamedisx."""

from peers.flamedisx_offline import fd, tf  # isort: skip
from problems.xenon_tutorial import run  # isort: skip

if __name__ == "__main__":
    run(fd, tf.exp)
