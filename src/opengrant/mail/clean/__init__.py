"""What a message says by itself, as text or Markdown: without quotations, signatures and hidden text.

Functions of strings. They take linear time whatever a stranger has sent, and raise nothing.
"""
