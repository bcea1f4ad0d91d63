"""How machines are driven. Third parties need ``ingot.drivers.base`` and ``ingot.errors`` alone."""
