"""The Higgs boson in four leptons from ATLAS open data, in Python instead of ``wilks run higgs4l``."""

import wilks
from wilks.physics.collider.build import build
from wilks.physics.collider.samples import HIGGS, REST
from wilks.physics.collider.tables import OFFICIAL_EXTENDED
from wilks.physics.collider.templates import Templates

templates = Templates.from_table(OFFICIAL_EXTENDED).grouped(s_s=HIGGS, s_b=REST)
model = build({"4l": templates})

likelihood = model.likelihood(template_statistics="conway")  # finite simulation, in closed form
print(wilks.fit(likelihood, model.counts))
print(wilks.hypothesis_test(likelihood, model.counts, {"s_s": 0.0}))
print(wilks.compare_costs(model.predictor, model.counts))  # why not a chi-square
