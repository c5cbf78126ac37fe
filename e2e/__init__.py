"""Journeys on a real cluster, and the cluster they run on."""
