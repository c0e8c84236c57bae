"""flamedisx as a process: the tasks of the xenon wing, and the spectrum of WIMPs by wimprates."""

from peers.flamedisx_offline import fd  # first: it must come before the import of flamedisx

import numpy as np  # isort: skip
import wimprates as wr  # isort: skip
from harness.serving import Answer, Work, serve  # isort: skip
from problems import xenon as problem  # isort: skip


def wimp_spectrum(energies: int, times: int) -> Work:
    """dR/dE at energies and times, with its default halo."""
    kev, days = np.linspace(1.0, 50.0, energies), 7183.0 + 365.25 * np.arange(times) / times

    def work() -> Answer:
        found = np.stack([wr.rate_wimp_std(kev, mw=50.0, sigma_nucleon=1e-45, t=day) for day in days])
        return {"items": 1, "values": np.log(found[0, : problem.SAMPLE]).tolist()}

    return work


if __name__ == "__main__":
    serve({**problem.tasks(fd), "xenon_wimp_spectrum": wimp_spectrum})
