"""Decoders of feeds in Simple Binary Encoding for wirebook."""
