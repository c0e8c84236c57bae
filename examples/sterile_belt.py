"""An exact Feldman-Cousins region of the sterile plane: ``python sterile_belt.py [FOLDER [TOYS]]``.

FOLDER holds ``prospect/`` and ``globesfit/numbers.npz``: PROSPECT, DANSS and Bugey-3 on 60 x 60
points, each toy with its best fit among 90 mass splittings and all amplitudes. Without it, gallium on fewer points.
"""

import sys
import time
from pathlib import Path

import numpy as np

from wilks import ByToys, contour, plots
from wilks.physics import oscillation as osc

toys = int(sys.argv[2]) if len(sys.argv) > 2 else 300
if len(sys.argv) > 1:
    folder = Path(sys.argv[1])
    spectra = {name: osc.near_far(name, folder / "globesfit" / "numbers.npz") for name in ("DANSS", "Bugey-3")}
    world = osc.join({"PROSPECT": osc.prospect(folder / "prospect", totals="observed"), **spectra})
    grid = osc.sterile_grid(s=(1e-2, 1.0, 60), dm2=(0.2, 12.0, 90))
    tested = np.delete(grid.shapes, slice(2, None, 3))  # two splittings of three
else:
    world = osc.gallium()
    grid = osc.sterile_grid(s=(1e-2, 1.0, 12), dm2=(0.2, 12.0, 30))
    tested = grid.shapes

cpu, wall = time.process_time(), time.perf_counter()
signal = osc.grid_signal(world, grid, freeze_covariance=True)  # predictions tabulated once
tabulated = time.process_time() - cpu
region = contour(
    signal, world.data, osc.PLANE, level=0.90, method="feldman-cousins",
    calibration=ByToys(1, toys, everywhere=True), grid=(grid.amplitudes, tested),
)  # fmt: skip
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall

print(region)
low, middle, high = np.quantile(region.critical, [0.05, 0.5, 0.95])
print(f"critical values: {middle:.2f}, nine in ten within {low:.2f} to {high:.2f}; Wilks: 4.61")
print(f"{region.toys.size} points, {region.toys.sum():,} toys: {cpu:.0f} s of CPU time, {tabulated:.0f} s of it for")
print(f"predictions; {wall:.0f} s by the clock")
picture = plots.contour(region, overlay=[contour(signal, world.data, osc.PLANE, level=0.90)])
picture.figure.savefig("belt.svg")
