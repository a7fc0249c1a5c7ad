"""What pages are made of. Nothing here computes: that is `cadenza_core`."""
