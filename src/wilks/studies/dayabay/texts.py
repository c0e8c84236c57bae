"""Paragraphs of the report of the Daya Bay study."""

EXPERIMENT = (
    "Eight detectors in three halls, 0.4 to 1.9 km from six reactor cores, recorded 5.55 million inverse beta decays "
    "in 3158 days. Antineutrinos disappear on the way: most at 1.9 km and about 3 MeV, which fixes the mixing angle "
    "theta_13, while the energies at which they are missing fix the splitting Dm2_32."
)
LIKELIHOOD = (
    "Spectra of 21 pairs of detector and period, 26 bins each, are judged together. The emitted spectrum is free at 19 "
    "knots; 1,057 further inputs are uncertain: solar oscillation, resolution, nonlinearity and relative efficiency of "
    "the detectors, powers, fission fractions and energies of the cores, spent fuel, backgrounds, and the spectra of "
    "Huber and Mueller. Their effect on the counts is a covariance matrix, taken at the start values of the release "
    "model and kept.\n\n"
    "The statistical variance, 3/(1/n + 2/mu), is kept at those values, too. Where it follows the expected counts mu, "
    "larger ones are cheaper, and the covariance, in which all spectra may move together, lets the fit exploit that: "
    "expected counts end 8 % above the observed ones, and errors come out too small."
)
SPECTRA = (
    "Counts of each hall, with uncertain inputs at their most likely values. Below: the part that is left of the "
    "expectation without theta_13, and the distance of the data from the fit in statistical errors."
)
CLOSURE = (
    "Bins, candidates and the chi-square of the release model at its start values; then best fit and errors of the "
    "collaboration. Values must agree within a fifth of the quoted error, errors within a twentieth."
)
REGIONS = (
    "Joint regions of both parameters, all others refitted, with the thresholds of two degrees of freedom. The point "
    "with errors is the published result."
)
WAYS = (
    "The same data with other costs and treatments. Where the variance follows the expected counts (CNP, Pearson with "
    "moving variance), these exceed the observed ones, and errors shrink with them; kept variances, Neyman's, and the "
    "determinant avoid that, and so does a common error of the spectra that the free spectrum holds alone. The "
    "covariance at the start values is that of expected counts 5 % above the observed ones (the deficit of reactors); "
    "computed anew at the best fit, errors are smaller again. The published analysis is not described in such detail "
    "that its choice is known."
)
