"""A pyhf workspace: fit, interval of the parameter of interest, goodness of fit with refitted toys."""

import wilks

document = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "signal_region",
            "samples": [
                {
                    "name": "signal",
                    "data": [12.0, 11.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "background",
                    "data": [50.0, 52.0],
                    "modifiers": [{"name": "uncorrelated", "type": "shapesys", "data": [3.0, 7.0]}],
                },
            ],
        }
    ],
    "observations": [{"name": "signal_region", "data": [57.0, 60.0]}],
    "measurements": [{"name": "search", "config": {"poi": "mu", "parameters": []}}],
}

workspace = wilks.Workspace.read(document)  # or the path of a file
likelihood, data = workspace.likelihood(), workspace.data()
print(wilks.fit(likelihood, data))
print(wilks.interval(likelihood, data, "mu", level=0.95))
print(wilks.goodness_of_fit(likelihood, data, calibration=wilks.ByToys(key=1, toys=500)))
