"""What a message says by itself, as text or Markdown: without what it quotes, how it ends, and what is hidden.

Functions of strings. They take linear time whatever a stranger has sent, and raise nothing.
"""
