"""The chart, the overlays and the scripts around them, without a cluster."""
