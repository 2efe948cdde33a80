"""Formats of logs, one file each, found by what a file holds.

A module has its ``FORMAT``, its ``PLACE`` in the order in which they are asked, ``matches(file)``
and ``read(file)``, which gives the runs that a file holds, or raises ``UnfitLog``.
"""
