"""The running process: its life, who may ask it how it is, and what it answers."""
