"""Evaluation in a process of its own, which training does not wait for.

The trainer's process writes the weights that training changes into a folder
(:mod:`~evalskip.beside.folder`). A worker (:mod:`~evalskip.beside.process`), which is the same
program begun once more, builds the same Trainer, and where it would train it loads each snapshot
and evaluates it (:mod:`~evalskip.beside.worker`).
"""
