"""What our own staff sees and does about money. To everybody else these pages do not exist.

Each module is the pages of one noun: parse, call, render. What they change, the verbs of this room change.
"""
