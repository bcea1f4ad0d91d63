"""Netboot: a record for each machine's MAC address, served by HTTP to iPXE, and a DHCP server for sites without one."""
