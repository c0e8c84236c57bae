"""First chi-square of the release model, as a whole process."""

from dayabay_data_official import get_path_data
from dayabay_model import model_dayabay

if __name__ == "__main__":
    model = model_dayabay(path_data=get_path_data("npz"))
    assert abs(model.storage["outputs.statistic.full.covmat.chi2cnp"].data[0] - 705.127) < 1e-3
