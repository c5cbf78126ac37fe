"""A NetworkPolicy agent for the one node of the built cluster: test equipment, nothing else.

`rules.py` compiles objects into an nftables ruleset, `agent.py` watches and applies in the node,
`cni.py` holds each new pod back until its rules are in force. Standard library only: the node's
Python runs these files.
"""
