"""Probes: functions of predictors and one prompt, that know no model and no algorithm by name."""
