"""First chi-square of Daya Bay, as a whole process."""

from wilks.physics.oscillation.dayabay.analysis import daya_bay

if __name__ == "__main__":
    study = daya_bay()
    space = study.likelihood.space
    minus_half = study.likelihood.log_prob(space.unpack(space.starts), study.data)
    assert abs(-2.0 * float(minus_half) - 705.127) < 1e-3
