"""Who asks: signatures, tokens, passwords, and the users and access keys behind them.

Start with `authenticator`, which proves who sent a request; `signature` is the pure part of it.
`lockout` and `throttle` bound what somebody may try, `temporary` makes access keys of tokens, and
`directory` is what an administrator uses to make users and access keys.
"""
