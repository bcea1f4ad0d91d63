"""Deployment over iSCSI: the machine reads its image from a read-only LUN that exists for this one operation."""
