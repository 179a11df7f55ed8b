"""Nasdaq TotalView-ITCH decoders for wirebook."""
