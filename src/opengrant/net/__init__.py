"""Every outbound socket: deadlines, private-address guard, network faults turned into evidence."""
