"""The process: sockets, signals, doctor, what is started and stopped in which order.

It knows the doors and the installation. It must not know a table, a provider or a rule of behaviour.
"""
