# Face of the procedures: fits, profiles, intervals, toys, goodness of fit, coverage.
