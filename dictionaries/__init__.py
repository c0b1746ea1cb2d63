"""Dictionaries and models, as data files (ships as `restore.data`)."""
