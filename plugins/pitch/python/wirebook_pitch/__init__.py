"""Cboe PITCH for wirebook: the plugin itself is :mod:`wirebook_pitch.plugin`."""
