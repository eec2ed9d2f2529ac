"""What this server hosts itself: Agent Accounts and virtual calendars.

No remote provider stands behind them; they must not know one.
"""
