"""The full analysis of Daya Bay: prediction, covariance, likelihood and simulator of 3158 days."""
