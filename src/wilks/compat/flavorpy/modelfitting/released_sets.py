"""The data sets that FlavorPy ships, by its names; tables are read when a set is first asked."""

from .figures_table import FiguresTable
from .sets import gaussians, profiles

NuFit52_NO = profiles("5.2", "NO", "NuFIT 5.2, NO, one-dimensional tables with SK")
NuFit52_IO = profiles("5.2", "IO", "NuFIT 5.2, IO, one-dimensional tables with SK")
NuFit53_NO = profiles("5.3", "NO", "NuFIT 5.3, NO, one-dimensional tables with SK")
NuFit53_IO = profiles("5.3", "IO", "NuFIT 5.3, IO, one-dimensional tables with SK")

NuFit52_NO_gauss = gaussians("5.2", "NO", "NuFIT 5.2, NO, Gaussian errors")
NuFit52_IO_gauss = gaussians("5.2", "IO", "NuFIT 5.2, IO, Gaussian errors")
NuFit53_NO_gauss = gaussians("5.3", "NO", "NuFIT 5.3, NO, Gaussian errors")
NuFit53_IO_gauss = gaussians("5.3", "IO", "NuFIT 5.3, IO, Gaussian errors")

Lexpdata_NO = FiguresTable("5.3", "NO")
"""Figures of leptons for normal ordering: columns are observables, rows best and limits at 1 and 3 sigma."""
Lexpdata_IO = FiguresTable("5.3", "IO")
"""The same for inverted ordering."""
