"""What runs in the pods of archives: volumes to streams and back, and the shelf they stand on.

Nothing but the standard library, and nothing of the cluster: bytes in, digests and verdicts out.
"""
