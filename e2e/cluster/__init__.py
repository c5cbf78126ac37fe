"""A real Kubernetes cluster for tests and demos, from source where no registry answers."""
