"""The code around a call as a reader can check it: its instructions (`listing`), and where an argument comes from.

Which values an argument has was found before (`values`), without keeping how. Here that is looked up afterwards, for
one call at a time: `replay` says what each instruction of a function does with the values that are known there, and
`origins` goes backwards from the call over what defines the register of the argument.
"""
