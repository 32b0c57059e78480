"""Sockets: listeners with a posture, the relay, socket filters, the prober, and the hops made of them."""
