"""Judging: who may be ended, who is spared, and why.

Start with `judge.judge`, which gives every session its verdict. The modules import one way: `judge`, then `guards`,
then `verdicts` and `surroundings`, then `settings`.
"""
