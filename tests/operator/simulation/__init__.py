"""A replica set, its Kubernetes and its misfortunes, simulated from one seed."""
