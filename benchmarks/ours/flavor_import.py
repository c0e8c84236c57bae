"""A process that imports the face for FlavorPy and uses NuFIT 5.3 in both orderings once."""

import wilks.compat.flavorpy as mf

if __name__ == "__main__":
    for data in (mf.NuFit53_NO, mf.NuFit53_IO):
        print(data.get_chisq({"s12^2": 0.3}))
