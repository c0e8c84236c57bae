"""Errors that only neural estimation knows: training that diverged, a region that vanished, data of another experiment.

ProcedureFailed
├── TrainingDiverged    ten training steps in a row gave no finite loss
└── RegionTooSmall      a truncated round keeps too little of the prior
InvalidData
└── NotAmortised        a posterior trained for one set of data is asked about another
"""

from wilks._base.errors import InvalidData, ProcedureFailed


class TrainingDiverged(ProcedureFailed):
    """Ten training steps in a row without a finite loss; ``result`` keeps the last good network."""


class RegionTooSmall(ProcedureFailed):
    """A truncated round keeps less than a millionth of the prior; ``result`` keeps the posterior before it."""


class NotAmortised(InvalidData):
    """A posterior trained in truncated rounds for one set of data was asked about other data."""
