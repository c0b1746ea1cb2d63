"""Learning from texts: counts of substitutions from aligned pairs of texts and from spun text alone, as dictionary layers of their own."""
