"""Virtual bare metal: QEMU machines behind real IPMI, and the network between them."""
