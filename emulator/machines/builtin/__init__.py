"""A guest that executes nothing on the machine: a small shell over files in memory.

`lexer` and `parser` turn a script into a `tree`, `understanding` checks all of it before anything runs, and
`interpreter` walks it. `commands` are the programs, `filesystem` is what they see. A script that is not wholly
understood is refused whole.
"""
