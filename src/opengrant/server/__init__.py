"""The process: sockets, signals, HTTP and jobs on top of an installation; and doctor.

It must not know a provider or a rule of behaviour.
"""
