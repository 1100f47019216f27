"""The operations page: how the installation does, out of the services' own metrics, and breaking it on purpose."""
