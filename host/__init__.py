"""The live side: devices, the links to them, and sessions that teach them."""
