"""The configuration: one TOML file and a few environment variables, parsed once.

`loading` reads and checks, `file` has the file's shape table by table and turns it into the domain's own words.
Every mistake is named with its place.
"""
