"""From the posterior over the pretraining tasks to ridge regression, as there are more of them."""
