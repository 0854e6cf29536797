"""Detectors over content. What they find is a score, which may tighten a verdict and never loosens it."""
