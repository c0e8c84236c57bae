"""A process that imports FlavorPy and uses NuFIT 5.3 in both orderings once."""

import flavorpy.modelfitting as mf

if __name__ == "__main__":
    for data in (mf.NuFit53_NO, mf.NuFit53_IO):
        print(data.get_chisq({"s12^2": 0.3}))
