"""Lantern Exchange decoders for wirebook."""
