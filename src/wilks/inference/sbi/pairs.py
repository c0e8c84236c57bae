"""Pairs of parameters and simulated data: every simulation that was made, with its status."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8
from scipy.special import kolmogorov

from wilks._base.errors import InvalidData, InvalidFile
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .blocks import Layout, blocks_of
from .coordinates import inferred_space
from .leaves import read_arrays, write_arrays
from .points import prior_quantiles
from .switches import given_switches

VALID, NOT_FINITE, RAISED = 0, 1, 2
"""Status of a simulation: usable, with NaN or infinity, ended by an exception."""

_SCHEMA = "wilks.pairs/1"
_PRIOR = "prior"  # begins the description of every law that is the prior, or the prior on a part of its support
_OTHER_PRIOR = 1e-6  # p-value below which pairs cannot come from the declared prior
_FILE = "pairs.npz"


@dataclass(frozen=True, eq=False, repr=False)
class Pairs:
    """Parameters with the data simulated at them; simulations that failed keep their place.

    Args:
        names: names of the parameters, one per column of ``theta``.
        theta: values in physical units.
        data: arrays by block name, each with a leading axis of simulations.
        status: 0 valid, 1 not finite, 2 the simulator raised.
        chunk: number of the chunk in which each was made, by which its random key is known; -1 for given arrays.
        proposal: what the parameters were drawn from: ``"prior"`` or a description.
        flags: name -> sentence.
        provenance: versions, seed, digests, settings.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "pairs parameters"]
    data: Mapping[str, np.ndarray]
    status: Int8[np.ndarray, " pairs"]
    chunk: Int[np.ndarray, " pairs"]
    proposal: str
    flags: dict[str, str]
    provenance: Provenance

    def __post_init__(self) -> None:
        n = len(self.theta)
        for name, array in {**self.data, "status": self.status, "chunk": self.chunk}.items():
            if len(array) != n:
                raise InvalidData(f"pairs: {n} sets of parameters but {len(array)} of {name!r}")
        if self.theta.shape[1] != len(self.names):
            raise InvalidData(f"pairs: {self.theta.shape[1]} columns for the parameters {', '.join(self.names)}")

    @classmethod
    def from_arrays(
        cls,
        theta: Any,
        data: Any,
        space: ParameterSpace,
        *,
        proposal: str = "prior",
    ) -> "Pairs":
        """Pairs simulated elsewhere.

        Args:
            theta: one row per simulation, one column per free parameter in the order of the space.
            data: an array or arrays by block name, each with a leading axis of simulations. The alternatives of a
                switch are a block of its name: names, numbers from 0, or rows with a one at theirs.
            space: parameters with their priors.
            proposal: ``"prior"``, or any other word if the parameters were not drawn from the prior.

        Raises:
            InvalidData: for values outside the bounds, or parameters that were not drawn from the prior, with the
                parameter's name.
        """
        inferred = inferred_space(space)
        theta = np.asarray(theta, dtype=float)
        if theta.ndim != 2 or theta.shape[1] != len(inferred):
            raise InvalidData(
                f"pairs: parameters of shape {theta.shape}; expected (simulations, {len(inferred)}) for "
                f"{', '.join(inferred.names)}"
            )
        refuse_outside(theta, inferred)
        if proposal == "prior":
            _refuse_other_prior(theta, inferred)
        blocks = given_switches(space, blocks_of(data), of_prior=proposal == "prior")
        finite = _finite_rows(blocks, len(theta))
        return cls(
            names=inferred.names,
            theta=theta,
            data=blocks,
            status=np.where(finite, VALID, NOT_FINITE).astype(np.int8),
            chunk=np.full(len(theta), -1),
            proposal=proposal,
            flags={},
            provenance=Provenance.collect(settings={"procedure": "Pairs.from_arrays", "proposal": proposal}),
        )

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def layout(self) -> Layout:
        """Shape of each block of one set of data."""
        return {name: tuple(array.shape[1:]) for name, array in self.data.items()}

    @property
    def failed(self) -> int:
        """Number of simulations without usable data."""
        return int(np.count_nonzero(self.status != VALID))

    @property
    def valid(self) -> "Pairs":
        """The usable pairs alone."""
        return self.take(np.flatnonzero(self.status == VALID))

    def take(self, where: Int[np.ndarray, " chosen"]) -> "Pairs":
        """Some of the pairs, by their numbers."""
        return dataclasses.replace(
            self,
            theta=self.theta[where],
            data={name: array[where] for name, array in self.data.items()},
            status=self.status[where],
            chunk=self.chunk[where],
        )

    def refuse_other_law(self) -> None:
        """Refuse parameters that were drawn from something else than the prior or a part of it.

        Raises:
            InvalidData: saying how to correct for it.
        """
        other = [law for law in self.proposal.split("; ") if not law.startswith(_PRIOR)]
        if other:
            raise InvalidData(
                f"the pairs were drawn from {other[0]!r}, and training would take that for the prior; give weights=, "
                "prior over proposal for each pair, or pairs of the prior"
            )

    def columns(self, names: tuple[str, ...]) -> Float[np.ndarray, "pairs parameters"]:
        """Values of the named parameters.

        Raises:
            InvalidData: if the pairs do not hold one of them.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise InvalidData(f"pairs hold {', '.join(self.names)}; {', '.join(missing)} is missing")
        return self.theta[:, [self.names.index(name) for name in names]]

    def __add__(self, other: "Pairs") -> "Pairs":
        """These pairs and then the others.

        Raises:
            InvalidData: if parameters or blocks differ.
        """
        if self.names != other.names or self.layout != other.layout:
            raise InvalidData(
                f"pairs of {self.names} with blocks {self.layout} cannot be joined with {other.names}, {other.layout}"
            )
        return Pairs(
            names=self.names,
            theta=np.concatenate([self.theta, other.theta]),
            data={name: np.concatenate([array, other.data[name]]) for name, array in self.data.items()},
            status=np.concatenate([self.status, other.status]),
            chunk=np.concatenate([self.chunk, other.chunk]),
            proposal=self.proposal if self.proposal == other.proposal else f"{self.proposal}; {other.proposal}",
            flags={**self.flags, **other.flags},
            provenance=self.provenance,
        )

    def save(self, folder: str | Path) -> Path:
        """Write all pairs to ``folder/pairs.npz``."""
        path = Path(folder) / _FILE
        arrays = {f"data.{name}": array for name, array in self.data.items()}
        arrays |= {"theta": self.theta, "status": self.status, "chunk": self.chunk}
        header = {
            "schema": _SCHEMA,
            "names": list(self.names),
            "proposal": self.proposal,
            "flags": self.flags,
            "provenance": dataclasses.asdict(self.provenance),
        }
        write_arrays(path, arrays, header)
        return path

    @classmethod
    def load(cls, folder: str | Path) -> "Pairs":
        """Read pairs back.

        Raises:
            InvalidFile: if there is no whole file of pairs.
        """
        path = Path(folder) / _FILE if Path(folder).suffix != ".npz" else Path(folder)
        arrays, header = read_arrays(path)
        if header.get("schema") != _SCHEMA or not {"theta", "status", "chunk"} <= set(arrays):
            raise InvalidFile(f"{path}: schema {header.get('schema')!r}; expected {_SCHEMA!r}")
        return cls(
            names=tuple(header["names"]),
            theta=arrays["theta"],
            data={n.removeprefix("data."): a for n, a in arrays.items() if n.startswith("data.")},
            status=arrays["status"],
            chunk=arrays["chunk"],
            proposal=header["proposal"],
            flags=header["flags"],
            provenance=Provenance(**header["provenance"]),
        )

    def __repr__(self) -> str:
        blocks = ", ".join(f"{name} {shape}" for name, shape in self.layout.items())
        counts = f"{len(self)} simulations: {len(self) - self.failed} valid, {self.failed} failed"
        if self.failed:
            raised = int(np.count_nonzero(self.status == RAISED))
            counts += f" ({self.failed - raised} not finite, {raised} raised)"
        return f"Pairs({counts}; {', '.join(self.names)} from the {self.proposal}; {blocks})"


def _finite_rows(blocks: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    finite = np.ones(n, dtype=bool)
    for array in blocks.values():
        finite &= np.all(np.isfinite(array.reshape(n, -1)), axis=1)
    return finite


def refuse_outside(theta: Float[np.ndarray, "pairs parameters"], space: ParameterSpace) -> None:
    """Refuse parameters outside their bounds.

    Raises:
        InvalidData: with the number of bad rows and the first.
    """
    bad = ~((theta >= space.lowers) & (theta <= space.uppers))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        p = space.parameters[column]
        raise InvalidData(
            f"pairs: {int(bad.any(axis=1).sum())} of {len(theta)} rows lie outside the space; the first is row {row}: "
            f"{p.name} = {theta[row, column]} outside [{p.lower}, {p.upper}]"
        )


def _refuse_other_prior(theta: Float[np.ndarray, "pairs parameters"], space: ParameterSpace) -> None:
    """Kolmogorov-Smirnov test of the prior quantiles of each parameter against uniform numbers."""
    n = len(theta)
    u = np.sort(prior_quantiles(space, theta), axis=0)
    steps = np.arange(n + 1)[:, None] / n
    distance = np.maximum(np.abs(u - steps[1:]).max(axis=0), np.abs(u - steps[:-1]).max(axis=0))
    p_values = kolmogorov(np.sqrt(n) * distance)
    if (worst := int(np.argmin(p_values))) >= 0 and p_values[worst] < _OTHER_PRIOR:
        raise InvalidData(
            f"pairs: {space.names[worst]!r} was not drawn from its prior (Kolmogorov-Smirnov p = "
            f"{p_values[worst]:.1g}); if another law was meant, say proposal='...' and correct for it by weights"
        )
