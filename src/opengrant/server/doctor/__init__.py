"""`opengrant doctor`: each check is a function that returns findings. It changes nothing."""
