"""What is true about sessions, components and who may end them.

Standard library only, frozen types, pure functions: nothing here reads a clock, a socket or a file.
Start with `judging.judge.judge`, which gives every session its verdict.
"""
