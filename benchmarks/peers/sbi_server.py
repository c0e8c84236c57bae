"""sbi as a process: training, draws and maxima with its defaults, on the simulations that our side gets, too."""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness.serving import Answer, Work, serve
from problems.sbi_tasks import NARROW, PROBLEMS, observation, pairs
from torch.distributions import MultivariateNormal

_HERE = Path(__file__).resolve().parent.parent
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != _HERE]  # its sbi.py hides the package

from sbi.inference import FMPE, NPE, NPSE  # noqa: E402
from sbi.utils import BoxUniform  # noqa: E402

os.chdir(tempfile.mkdtemp(prefix="sbi-"))  # its trainers write logs into the working directory
torch.set_num_threads(1)

TRAINERS = {
    "flow": lambda prior: FMPE(prior, show_progress_bars=False),
    "score": lambda prior: NPSE(prior, show_progress_bars=False),
    "affine": lambda prior: NPE(prior, show_progress_bars=False),
    "spline": lambda prior: NPE(prior, density_estimator="nsf", show_progress_bars=False),
}
"""Our name of a method -> trainer; NPE by default is a masked autoregressive flow of affine layers."""


def prior_of(task: str) -> Any:
    """The prior of a task."""
    problem = PROBLEMS[task]
    if problem.half_width is None:
        return MultivariateNormal(torch.zeros(problem.size), NARROW**2 * torch.eye(problem.size))
    width = problem.half_width * torch.ones(problem.size)
    return BoxUniform(-width, width)


def trained(task: str, method: str, seed: int, n: int, **options: Any) -> tuple[Any, int]:
    """A posterior and the number of its epochs."""
    theta, x = (torch.as_tensor(a, dtype=torch.float32) for a in pairs(task, seed, n))
    torch.manual_seed(seed)
    trainer = TRAINERS[method](prior_of(task)).append_simulations(theta, x)
    trainer.train(**options)
    return trainer.build_posterior(), trainer.summary["epochs_trained"][-1]


def draws_at(posterior: Any, task: str, number: int, n: int) -> np.ndarray:
    """Draws at one observation."""
    x = torch.as_tensor(observation(task, number), dtype=torch.float32)
    return posterior.sample((n,), x=x, show_progress_bars=False).numpy().astype(float)


def posterior(
    task: str, method: str, seed: int, n: int, draws: int, observations: int, file: str, steps: int | None = None
) -> Work:
    """Training, and draws at some observations, which go into a file; the rule that ends training is sbi's own."""

    def work() -> Answer:
        start = time.process_time()
        found, epochs = trained(task, method, seed, n)
        middle = time.process_time()
        first = draws_at(found, task, 1, draws)
        after = time.process_time()
        rest = [draws_at(found, task, number, draws) for number in range(2, observations + 1)]
        np.savez(file, **{str(i + 1): rows for i, rows in enumerate([first, *rest])})
        return {"items": 1, "training": middle - start, "drawing": after - middle, "how": f"{epochs} epochs"}

    return work


def epochs(task: str, method: str, n: int, number: int) -> Work:
    """Epochs in one go; what a run costs once is known from a run of one epoch."""

    def spent(epochs: int) -> float:
        start = time.process_time()
        trained(task, method, 1, n, max_num_epochs=epochs)
        return time.process_time() - start

    def work() -> Answer:
        return {"items": 1, "per_epoch": (spent(number + 1) - spent(1)) / number}

    return work


def draws(task: str, method: str, n: int) -> Work:
    """Draws from a posterior that was trained for two epochs: their cost does not depend on its quality."""
    found, _ = trained(task, method, 1, 10_000, max_num_epochs=2)

    def work() -> Answer:
        draws_at(found, task, 1, n)
        return {"items": 1}

    return work


def maximum(task: str, method: str, most: int = 2**31 - 1) -> Work:
    """The maximum of a posterior by sbi's defaults."""
    found, _ = trained(task, method, 1, 10_000, max_num_epochs=most)
    found.set_default_x(torch.as_tensor(observation(task, 1), dtype=torch.float32))

    def work() -> Answer:
        best = found.map(show_progress_bars=False, force_update=True)
        height = found.log_prob(best.reshape(1, -1))
        return {"items": 1, "best": best.ravel().tolist(), "height": float(height[0])}

    return work


if __name__ == "__main__":
    serve(
        {
            "sbi_posterior": posterior,
            "sbi_epochs": epochs,
            "sbi_draws": draws,
            "sbi_maximum": maximum,
        }
    )
