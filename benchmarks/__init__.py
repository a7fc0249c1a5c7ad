"""Figures that the README quotes, each measured beside its peer."""
