"""The tutorial's pass over events as a process: its 23 branches, awkward arrays, four-vectors, numpy histogram."""

import awkward as ak
import numpy as np
import uproot
import vector
from harness.serving import Answer, Work, serve

vector.register_awkward()

_BRANCHES = [
    "mcWeight", "SumWeights", "XSection", "trigM", "trigE", "scaleFactor_PILEUP", "scaleFactor_ELE",
    "scaleFactor_MUON", "scaleFactor_LepTRIGGER", "lep_type", "lep_pt", "lep_eta", "lep_phi", "lep_E", "lep_charge",
    "lep_etcone20", "lep_ptcone30", "jet_n", "jet_pt", "jet_eta", "jet_phi", "jet_E", "jet_MV2c10",
]  # fmt: skip
_EDGES = np.linspace(80, 250, 35)
_TAGGED = 0.6459


def four_vectors(tree: ak.Array, prefix: str) -> ak.Array:
    """Four-momenta of a collection."""
    parts = {part: tree[f"{prefix}_{part}"] for part in ("pt", "eta", "phi", "E")}
    return ak.zip({"pt": parts["pt"], "eta": parts["eta"], "phi": parts["phi"], "energy": parts["E"]},
                  with_name="Momentum4D")  # fmt: skip


def histogram(path: str, n: int, normalisation: float = 1.0) -> Work:
    """All branches of the whole file at once, then cuts, masses and weights, jets as the tutorial has them."""

    def work() -> Answer:
        with uproot.open(path) as file:
            tree = file["mini"].arrays(_BRANCHES, library="ak")
        leptons = four_vectors(tree, "lep")
        track = tree["lep_ptcone30"] / tree["lep_pt"]
        _calorimeter = tree["lep_etcone20"] / tree["lep_pt"]
        kinds = ak.sum(tree["lep_type"], axis=1)
        jets = four_vectors(tree, "jet")
        jets = jets[ak.argsort(tree["jet_MV2c10"], axis=1)]
        _tags = tree["jet_pt"][tree["jet_MV2c10"] > _TAGGED]
        _triggered = (tree["trigM"] == 1) | (tree["trigE"] == 1)
        kinematic = (ak.max(tree["lep_pt"], axis=1) > 20000) & (ak.min(tree["lep_pt"], axis=1) > 7000)
        central = (ak.min(tree["lep_eta"], axis=1) > -2.5) & (ak.max(tree["lep_eta"], axis=1) < 2.5)
        flavour = (kinds == 44) | (kinds == 48) | (kinds == 52)
        isolated = (ak.max(track, axis=1) < 0.3) & (ak.max(track, axis=1) < 0.3)
        counted = (ak.num(leptons) == 4) & (ak.sum(tree["lep_charge"], axis=1) == 0)
        cut = kinematic & central & flavour & isolated & counted
        kept = leptons[cut]
        mass = (kept[:, 0] + kept[:, 1] + kept[:, 2] + kept[:, 3]).mass / 1000.0
        weight = tree["mcWeight"][cut] * normalisation
        for factor in ("PILEUP", "ELE", "MUON", "LepTRIGGER"):
            weight = weight * tree[f"scaleFactor_{factor}"][cut]
        contents, _ = np.histogram(ak.to_numpy(mass), weights=ak.to_numpy(weight), bins=_EDGES)
        return {"items": n, "values": contents.tolist()}

    return work


if __name__ == "__main__":
    serve({"histogram": histogram})
