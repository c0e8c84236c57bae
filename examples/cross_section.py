"""Two models of a cross section, a flux with 100 throws and 100 response matrices: the files of ReMU's tutorial."""

import os
import sys
from pathlib import Path

import numpy as np

from wilks import ByToys, fit, goodness_of_fit, profile
from wilks.data import Product, read_csv
from wilks.interchange.remu import read_binning, read_response
from wilks.likelihood import EnsembleCounts
from wilks.model import compose, concatenate, fix, passthrough, templates
from wilks.physics.response import Exposure, cross_section_table
from wilks.studies.crosssection import background, model_a, model_b

root = Path(os.environ.get("WILKS_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data") / "response"
if not root.is_dir():
    sys.exit(f"{root} is not here; set WILKS_TEST_DATA, or try: wilks run crosssection")
binnings = ("05/truth-binning.yml", "06/flux-binning.yml", "01/reco-binning.yml")
truth, flux, reco = (read_binning(root / name) for name in binnings)
bg_x, sig_x = Product((truth.child(1), flux)), Product((truth.child(2), flux))
energies = np.random.default_rng(106).normal(8.0, 2.0, size=(100, 1000))
exposure = Exposure.throws(flux, {"E": energies}, weight=0.01, unit="years")
parts = [passthrough("noise", lower=0), exposure.predictor(bg_x), exposure.predictor(sig_x)]
events = concatenate(parts, systematics="paired")  # of 1 + 432 + 1080 cross sections
space = truth.coarse().refined({1: bg_x, 2: sig_x})
tables = {"noise": space.block(0, 1.0), "bg": space.block(1, cross_section_table(background, bg_x))}
tables |= {n: space.block(2, cross_section_table(f, sig_x)) for n, f in (("A", model_a), ("B", model_b))}
response = read_response(root / "05/response_matrix.npz")
predictor = compose(compose(response, events, systematics="paired"), templates(tables))
k = reco.fill(read_csv(root / "05/real_data.csv.gz"))
print(fit(EnsembleCounts(predictor), k))
for name, other in (("A", "B"), ("B", "A")):
    one = EnsembleCounts(fix(predictor, **{other: 0.0}))
    print(name, goodness_of_fit(one, k, statistic="likelihood", calibration=ByToys(1, toys=250)))
    print(profile(one, k, name, grid=np.linspace(0.5, 1.5, 50)).p_values().round(3))
